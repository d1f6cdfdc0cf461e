import { Context, Effect, Exit, Layer, Option, Result, Schedule, Scope, Stream } from "effect"
import { AgentRuntime } from "../agent/AgentRuntime.ts"
import { Doorbell } from "../cache/Doorbell.ts"
import type { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Run } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { type QueuedRun, RunQueueRepository } from "../storage/RunQueueRepository.ts"
import { Admission } from "./Admission.ts"
import { queueBell } from "./Executions.ts"
import { leaseMillis } from "./Leases.ts"
import { makeContinuation } from "./RunContinuation.ts"
import { interruptedEnding } from "./RunEnding.ts"
import { RunLog } from "./RunLog.ts"
import { totalsOf } from "./RunTotals.ts"
import { Sessions } from "./Sessions.ts"

/** How often it is looked for runs that may begin and that no ring announced, in milliseconds. */
const lookEvery = 1000

/** How often it is looked for queued runs that nobody reads, at the least. */
const dropEvery = 5000

/** Most runs that are looked at in one go. */
const lookSize = 20

/**
 * Queued runs, begun by whichever instance has room: each looks when a run has ended somewhere, and once a second.
 * Which of them gets a run is decided by the database.
 */
export class RunQueue extends Context.Service<
  RunQueue,
  {
    /** Takes a run out of the queue, or from what it waits for: it is interrupted. False when it is not there any more. */
    cancel(tenant: TenantId, run: Run): Effect.Effect<boolean, DatabaseFailure | LeaseLost>
    /** The same for all of a session that never began. */
    clear(tenant: TenantId, session: SessionId): Effect.Effect<void, DatabaseFailure>
  }
>()("causeway/services/RunQueue") {
  static readonly layer = Layer.effect(
    RunQueue,
    Effect.gen(function* () {
      const { disconnectGrace, instanceId } = yield* Settings
      const admission = yield* Admission
      const doorbell = yield* Doorbell
      const log = yield* RunLog
      const queue = yield* RunQueueRepository
      const runtime = yield* AgentRuntime
      const sessions = yield* Sessions
      const continueRun = yield* makeContinuation

      const begin = Effect.fn("RunQueue.begin")(function* ({ session_id, tenant_id }: QueuedRun) {
        const place = yield* Scope.make()
        const entered = yield* Effect.result(Scope.provide(admission.enter(tenant_id), place))
        if (Result.isFailure(entered)) {
          yield* Scope.close(place, Exit.void)
          return "full"
        }
        yield* sessions.touch(tenant_id, session_id)
        const claimed = yield* queue
          .claim(session_id, instanceId, leaseMillis)
          .pipe(Effect.onError(() => Scope.close(place, Exit.void)))
        if (Option.isSome(claimed)) {
          yield* continueRun(claimed.value, place)
          return "begun"
        }
        yield* Scope.close(place, Exit.void)
        return "taken"
      }, Effect.uninterruptible)

      const look = Effect.gen(function* () {
        const { credentials, sdk } = yield* runtime.readiness
        if (sdk !== "ok" || credentials !== "ok" || (yield* admission.isShut)) return
        const full = new Set<TenantId>()
        for (let isChanged = true; isChanged;) {
          isChanged = false
          for (const next of yield* queue.startable([...full], lookSize)) {
            if (full.has(next.tenant_id)) continue
            const outcome = yield* begin(next)
            if (outcome === "full") full.add(next.tenant_id)
            if (outcome !== "taken") isChanged = true
          }
        }
      }).pipe(Effect.catch((failure) => Effect.logDebug("Queued runs cannot be begun", failure)))

      yield* doorbell.rings.pipe(
        Stream.filter((name) => name === queueBell || name === ""),
        Stream.merge(Stream.tick(lookEvery)),
        Stream.runForEach(() => look),
        Effect.forkScoped
      )

      const drop = Effect.fn("RunQueue.drop")(function* ({ run_id, session_id, tenant_id }: QueuedRun) {
        yield* sessions.touch(tenant_id, session_id)
        const dropped = yield* queue.drop(tenant_id, run_id, session_id)
        if (dropped) yield* log.wake(session_id)
        return dropped
      })

      const dropUnread = queue.unread(disconnectGrace).pipe(
        Effect.flatMap(Effect.forEach(drop, { discard: true })),
        Effect.catch((failure) => Effect.logDebug("Queued runs that nobody reads cannot be dropped", failure))
      )
      yield* Effect.schedule(dropUnread, Schedule.spaced(Math.min(dropEvery, disconnectGrace / 2))).pipe(
        Effect.forkScoped
      )

      const cancel = Effect.fn("RunQueue.cancel")(function* (tenant_id: TenantId, { id, session_id, status }: Run) {
        if (yield* drop({ run_id: id, session_id, tenant_id })) return true
        // Either it has begun just now, or it waits in the middle: for an answer, or for an instance, and then it stands
        // first in the queue.
        const claimed = Option.getOrUndefined(
          yield* status === "waiting"
            ? queue.recall(tenant_id, id, instanceId, leaseMillis)
            : queue.claim(session_id, instanceId, leaseMillis)
        )
        if (claimed === undefined) return false
        if (claimed.run.id !== id) {
          yield* queue.release(claimed.lease, totalsOf(claimed.run))
          yield* doorbell.ring(queueBell)
          return false
        }
        const subject = { tenant_id, session_id, run_id: id }
        const { end, events } = interruptedEnding(claimed.run, claimed.request_id)
        const writer = log.open(subject, claimed.lease, claimed.run.last_seq)
        yield* writer
          .finish(events, { ...end, transcript_complete: true })
          .pipe(Effect.ensuring(Effect.andThen(log.close(subject), doorbell.ring(queueBell))))
        return true
      })

      return RunQueue.of({
        cancel,
        clear: Effect.fn("RunQueue.clear")(function* (tenant_id, session_id) {
          const waiting = yield* queue.waiting(tenant_id, session_id)
          yield* Effect.forEach(waiting, drop, { discard: true })
        })
      })
    })
  )
}
