import { Effect, Fiber } from "effect"
import { type DatabaseFailure, DbOperational } from "../domain/errors/StorageErrors.ts"
import { type DriverFailure, isConnectionFailure, translate } from "./DatabaseFailures.ts"
import { DatabaseLimits } from "./DatabaseLimits.ts"
import { type DatabaseOperation, makeDatabaseMeter } from "./DatabaseMetrics.ts"

/** Runs a repository's statements within the time limit, and fails in the domain's words. */
export type Execute = <A, E, R>(
  operation: DatabaseOperation,
  statements: Effect.Effect<A, E, R>,
  limit?: number
) => Effect.Effect<A, Exclude<E, DriverFailure> | DatabaseFailure, R>

/**
 * The way to the database that every repository takes.
 *
 * The statements run in a fiber of their own: the driver drains an interrupted statement for seconds, which is its
 * own affair then, while the caller has its answer when the limit says so.
 */
export const makeExecute: Effect.Effect<Execute> = Effect.gen(function* () {
  const limits = yield* DatabaseLimits
  const meter = yield* makeDatabaseMeter

  const failWith = (operation: DatabaseOperation) => {
    const translated = translate(operation)
    return <E>(failure: E) => {
      if (isConnectionFailure(failure)) meter.connectionFailed()
      return translated(failure)
    }
  }

  return (operation, statements, limit = limits.call) =>
    Effect.uninterruptibleMask((restore) => {
      const since = performance.now()
      return Effect.flatMap(Effect.forkDetach(statements, { startImmediately: true }), (fiber) => {
        meter.began(operation, fiber)
        return restore(
          Fiber.join(fiber).pipe(
            Effect.mapError(failWith(operation)),
            Effect.timeoutOrElse({
              duration: limit,
              orElse: () =>
                Effect.fail(new DbOperational({ operation, cause: new Error(`no answer within ${limit} ms`) }))
            })
          )
        ).pipe(
          Effect.onExit(() =>
            Effect.sync(() => {
              meter.ended(operation, since)
              fiber.interruptUnsafe()
            })
          )
        )
      })
    })
})
