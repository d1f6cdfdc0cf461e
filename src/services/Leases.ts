import { Clock, Context, Deferred, Effect, Layer, Metric, Result, Schedule, type Scope } from "effect"
import { type CommitFailure } from "./LogWriter.ts"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Lease, RunId } from "../domain/Run.ts"
import { Settings } from "../domain/Settings.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { registerRunMetrics } from "./RunMetrics.ts"

/** How long a lease lasts by the database's clock, in milliseconds. */
export const leaseMillis = 3000

/** How often all leases of the instance are renewed. */
const renewEvery = 1000

/** How long after the last renewal an agent is stopped where it stands: before others may take the run over. */
const freezeAfter = 2500

/** How often the time since the last renewal is looked at. It waits for no SQL. */
const watchEvery = 100

/** What an owner does to its agent's processes while it cannot prove that the run is still its own. */
export interface Brake {
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

const freezes = Metric.counter("leases_frozen_total", {
  description: "Runs whose agent was frozen because their lease could not be renewed",
  incremental: true
})

interface Held {
  /** When it was taken, by `performance.now()`. */
  readonly since: number
  readonly lease: Lease
  readonly brake: Brake
  readonly lost: Deferred.Deferred<never, CommitFailure>
  /** When the last renewal that succeeded was sent, by the monotonic clock. */
  renewed: number
  frozen: boolean
}

const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/**
 * The runs that this instance owns. One statement a second renews all of them. When
 * renewals fail the agents are frozen before others may take over, and go on if the
 * fence turns out to be unchanged: a database restart loses no run, and an instance
 * that is cut off changes nothing.
 */
export class Leases extends Context.Service<
  Leases,
  {
    /** Holds a lease until the scope closes. The effect that it answers with never succeeds; it fails when the lease is lost. */
    hold(lease: Lease, brake: Brake): Effect.Effect<Effect.Effect<never, CommitFailure>, never, Scope.Scope>
    /** Whether this instance believes that it owns a run. */
    holds(run: RunId): boolean
  }
>()("causeway/services/Leases") {
  static readonly layer = Layer.effect(
    Leases,
    Effect.gen(function* () {
      const { appendTimeout, instanceId, runTimeout } = yield* Settings
      const runs = yield* RunRepository
      const held = new Map<RunId, Held>()
      let lastFailure: DatabaseFailure | null = null
      yield* registerRunMetrics(() => held.values(), runTimeout)
      yield* Metric.value(freezes)

      const renew = Effect.gen(function* () {
        if (held.size === 0) return
        const asked = [...held.values()]
        const sent = yield* millis
        const result = yield* Effect.result(
          runs.renew(
            instanceId,
            asked.map(({ lease }) => lease),
            leaseMillis
          )
        )
        if (Result.isFailure(result)) {
          if (lastFailure === null) yield* Effect.logWarning("Leases cannot be renewed", result.failure)
          lastFailure = result.failure
          return
        }
        if (lastFailure !== null) yield* Effect.logInfo("Leases are renewed again")
        lastFailure = null
        const confirmed = new Set(result.success)
        for (const one of asked) {
          if (!confirmed.has(one.lease.run_id)) {
            Deferred.doneUnsafe(one.lost, Effect.fail(new LeaseLost({ run_id: one.lease.run_id })))
            continue
          }
          one.renewed = sent
          if (one.frozen) {
            one.frozen = false
            yield* one.brake.thaw
          }
        }
      })

      const watch = Effect.gen(function* () {
        const now = yield* millis
        for (const one of held.values()) {
          const since = now - one.renewed
          if (since > freezeAfter && !one.frozen) {
            one.frozen = true
            yield* Metric.update(freezes, 1)
            yield* Effect.logWarning("A run is frozen: its lease cannot be renewed").pipe(
              Effect.annotateLogs({ run_id: one.lease.run_id, session_id: one.lease.session_id })
            )
            yield* one.brake.freeze
          }
          if (since > appendTimeout && lastFailure !== null) {
            Deferred.doneUnsafe(one.lost, Effect.fail(lastFailure))
          }
        }
      })

      yield* Effect.repeat(renew, Schedule.fixed(renewEvery)).pipe(Effect.forkScoped)
      yield* Effect.repeat(watch, Schedule.fixed(watchEvery)).pipe(Effect.forkScoped)

      return Leases.of({
        hold: (lease, brake) =>
          Effect.gen(function* () {
            const renewed = yield* millis
            const one: Held = {
              lease,
              brake,
              lost: Deferred.makeUnsafe(),
              since: performance.now(),
              renewed,
              frozen: false
            }
            yield* Effect.acquireRelease(
              Effect.sync(() => held.set(lease.run_id, one)),
              () => Effect.sync(() => held.delete(lease.run_id))
            )
            return Deferred.await(one.lost)
          }),
        holds: (run) => held.has(run)
      })
    })
  )
}
