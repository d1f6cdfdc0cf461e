import { Effect, Layer, Schedule } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import { ApprovalRepository } from "../storage/ApprovalRepository.ts"
import { queueBell } from "./Executions.ts"

/** How often it is looked for runs that have waited long enough, in milliseconds. */
const lookEvery = 1000

/** Most that are looked at in one go. */
const lookSize = 50

/**
 * Ends the time of what nobody has answered, of runs that wait without an agent: they go on, and their agents are told.
 * Any instance may do it, since the database has each of them end once.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const approvals = yield* ApprovalRepository
    const doorbell = yield* Doorbell

    const look = Effect.gen(function* () {
      const due = yield* approvals.due(lookSize)
      yield* Effect.forEach(due, approvals.expire, { discard: true })
      if (due.length > 0) yield* doorbell.ring(queueBell)
    }).pipe(Effect.catch((failure) => Effect.logDebug("Runs that wait cannot be looked for", failure)))

    yield* Effect.repeat(look, Schedule.spaced(lookEvery)).pipe(Effect.forkScoped)
  })
)
