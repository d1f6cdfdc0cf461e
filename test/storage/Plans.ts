import { Effect } from "effect"
import { Statement } from "effect/sql"

/** Turns the statements of an effect into their plans. */
export const planOf = Effect.fnUntraced(function* <A, E, R>(call: Effect.Effect<A, E, R>) {
  const plans: Array<string> = []
  yield* Effect.ignore(call).pipe(
    Effect.provideService(Statement.CurrentTransformer, (statement, sql) => {
      const [text, parameters] = statement.compile()
      return Effect.sync(() => sql.unsafe<{ "QUERY PLAN": string }>(`EXPLAIN (COSTS OFF) ${text}`, parameters)).pipe(
        Effect.tap((explain) =>
          Effect.orDie(
            Effect.provideService(explain, Statement.CurrentTransformer, undefined).pipe(
              Effect.map((rows) => plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n")))
            )
          )
        ),
        Effect.as(statement)
      )
    })
  )
  return plans.join("\n")
})
