import { Effect, Predicate } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { DatabaseLimits } from "./DatabaseLimits.ts"

/** Runs statements in one transaction. */
export type Transaction = <A, E, R>(statements: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError.SqlError, R>

const noConnection = (limit: number) =>
  new SqlError.SqlError({
    reason: new SqlError.ConnectionError({
      cause: new Error(`no connection within ${limit} ms`),
      message: "All connections are in use",
      operation: "connect"
    })
  })

const commitFailed = new SqlError.SqlError({
  reason: new SqlError.UnknownError({
    cause: new Error("COMMIT was answered with ROLLBACK"),
    message: "The transaction was rolled back",
    operation: "commit"
  })
})

/**
 * Transactions that can be given up at any moment. Those of the driver wait for BEGIN and COMMIT without end, so that
 * a connection into nowhere is never free again; here the wait ends and the connection is closed.
 * Never await another fiber's statement inside one: the embedded database has one connection, and a pool has an end.
 */
export const makeTransaction: Effect.Effect<Transaction, never, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { connect } = yield* DatabaseLimits

  const connection = sql.reserve.pipe(
    Effect.timeoutOrElse({ duration: connect, orElse: () => Effect.fail(noConnection(connect)) })
  )

  return (statements) =>
    Effect.scoped(
      Effect.gen(function* () {
        const reserved = yield* connection
        const command = (text: string) => reserved.executeRaw(text, [])
        // Whatever becomes of it, the driver closes a connection on which something is still under way.
        const rollback = command("ROLLBACK").pipe(Effect.interruptible, Effect.timeout(1000), Effect.ignore)
        return yield* Effect.andThen(command("BEGIN"), statements).pipe(
          Effect.provideService(sql.transactionService, [reserved, 0]),
          Effect.tap(() =>
            Effect.flatMap(command("COMMIT"), (result) =>
              Predicate.hasProperty(result, "command") && result.command === "COMMIT"
                ? Effect.void
                : Effect.fail(commitFailed)
            )
          ),
          Effect.onError(() => rollback)
        )
      })
    )
})
