import { Clock, Effect, Exit, Layer, Option, Result, Schedule, Scope } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import type { RunId } from "../domain/Run.ts"
import { Settings } from "../domain/Settings.ts"
import { ApprovalRepository } from "../storage/ApprovalRepository.ts"
import { RunQueueRepository } from "../storage/RunQueueRepository.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import type { StoredRun } from "../storage/StoredRun.ts"
import { Admission } from "./Admission.ts"
import { queueBell } from "./Executions.ts"
import { leaseMillis, Leases } from "./Leases.ts"
import { makeContinuation } from "./RunContinuation.ts"
import { makeRunLoss } from "./RunLoss.ts"
import { makeSuspension } from "./RunSuspension.ts"
import { noteUnowned } from "./RunMetrics.ts"
import { totalsOf } from "./RunTotals.ts"

/** How often expired leases are looked for, and how long one must have been seen before it is taken over. */
const sweepEvery = 1000

/** How many instances a run may lose and still go on: what kills them may be the run itself. */
const mostLosses = 3

/**
 * Takes runs whose instance died: an expired lease that is seen twice, a second apart, is
 * taken over with the next fence, and the run ends as `lost` or goes on, as its client asked. Seeing it twice
 * with a database that answers keeps a pause of this instance from being taken for a death of another.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { instanceId } = yield* Settings
    const admission = yield* Admission
    const doorbell = yield* Doorbell
    const runs = yield* RunRepository
    const queue = yield* RunQueueRepository
    const approvals = yield* ApprovalRepository
    const leases = yield* Leases
    const continueRun = yield* makeContinuation
    const lose = yield* makeRunLoss
    const suspend = yield* makeSuspension
    let suspects = new Map<RunId, number>()

    /** Goes on with a run here, or leaves it to an instance that has room. */
    const resume = Effect.fn("LostRuns.resume")(function* (run: StoredRun) {
      const place = yield* Scope.make()
      const entered = yield* Effect.result(Scope.provide(admission.enter(run.tenant_id), place))
      if (Result.isSuccess(entered)) return yield* continueRun(run, place)
      yield* Scope.close(place, Exit.void)
      yield* queue.release(run.lease, totalsOf(run.run))
      yield* doorbell.ring(queueBell)
    }, Effect.uninterruptible)

    const settle = Effect.fn("LostRuns.settle")(function* (run: StoredRun) {
      const hasAsked = run.losses <= mostLosses && Option.isSome(yield* approvals.standing(run.lease.run_id))
      if (hasAsked) return yield* suspend(run)
      if (run.on_crash === "resume" && run.losses <= mostLosses) return yield* resume(run)
      yield* lose(run)
      yield* doorbell.ring(queueBell)
    })

    const sweep = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const expired = (yield* runs.expired).filter(({ lease }) => !leases.holds(lease.run_id))
      yield* noteUnowned(expired.length)
      const seen = new Map(expired.map(({ lease }) => [lease.run_id, suspects.get(lease.run_id) ?? now]))
      for (const run of expired) {
        if (now - (seen.get(run.lease.run_id) ?? now) < sweepEvery * 0.9) continue
        const taken = yield* runs.takeOver(run, instanceId, leaseMillis)
        if (Option.isSome(taken)) yield* settle(taken.value)
      }
      suspects = seen
    }).pipe(
      // What could not be ended now is found again, a second later.
      Effect.catch((failure) =>
        Effect.logDebug("Lost runs cannot be looked for", failure).pipe(
          Effect.andThen(Effect.sync(() => (suspects = new Map())))
        )
      )
    )

    yield* Effect.repeat(sweep, Schedule.fixed(sweepEvery)).pipe(Effect.forkScoped)
  })
)
