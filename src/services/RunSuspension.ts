import { Effect, Exit, Scope } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import type { StoredRun } from "../storage/StoredRun.ts"
import { queueBell } from "./Executions.ts"
import { waitingEvents } from "./RunEnding.ts"
import { RunLog } from "./RunLog.ts"
import { totalsOf } from "./RunTotals.ts"

/**
 * Makes what has a run wait that this instance has taken and whose agent is gone. What the agent asked is stored: nothing
 * is lost that an answer would not bring back, and if there is one already, the run is queued to go on with it.
 */
export const makeSuspension = Effect.gen(function* () {
  const doorbell = yield* Doorbell
  const log = yield* RunLog

  return Effect.fn("RunSuspension.suspend")(function* ({ lease, run, tenant_id }: StoredRun, place?: Scope.Closeable) {
    const subject = { tenant_id, session_id: lease.session_id, run_id: lease.run_id }
    if (place !== undefined) yield* Scope.close(place, Exit.void)
    yield* log
      .open(subject, lease, run.last_seq)
      .wait(waitingEvents(lease), totalsOf(run))
      .pipe(Effect.ensuring(log.close(subject)))
    yield* doorbell.ring(queueBell)
  })
})
