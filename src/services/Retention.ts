import { Effect, Layer, Metric, Schedule } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { RetentionRepository } from "../storage/RetentionRepository.ts"

/** How long things are kept, in milliseconds; null: always. */
export interface RetentionTimes {
  /** After a run's end. */
  readonly deltas: number
  readonly events: number | null
  /** After they were made. */
  readonly deliveries: number
}

/** An Idempotency-Key is remembered for a day. */
const keysKept = 24 * 60 * 60 * 1000

/** An instruction to a run is kept for an hour, for who looks into what happened. */
const controlsKept = 60 * 60 * 1000

/** How often it is looked for what is to go, in milliseconds; sooner where things are kept for a short time only. */
const sweepEvery = 10 * 60 * 1000

/** Runs, keys, instructions or deliveries that one statement takes: it must not keep others from the rows for long. */
const batchRuns = 10
const batchKeys = 500
const batchControls = 500
const batchDeliveries = 500

/** Pause between two statements, so that the database has time for others. */
const batchPause = 50

const removed = Metric.counter("retention_removed_total", {
  description:
    "Runs whose deltas or events were removed, Idempotency-Keys, instructions to runs, and deliveries of webhooks, because their time was over",
  incremental: true
})

const parts = ["deltas", "events", "keys", "controls", "deliveries"] as const

const countOf = (part: (typeof parts)[number]) => Metric.withAttributes(removed, { part })

/** Removes what is kept for a time only, a little at a time and on one instance at a time. */
export const layer = ({ deliveries, deltas, events }: RetentionTimes) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const retention = yield* RetentionRepository
      yield* Effect.forEach(parts, (part) => Metric.value(countOf(part)), { discard: true })

      const all = Effect.fnUntraced(function* (
        part: (typeof parts)[number],
        size: number,
        remove: Effect.Effect<number, DatabaseFailure>
      ) {
        for (;;) {
          const done = yield* remove
          yield* Metric.update(countOf(part), done)
          if (done < size) return
          yield* Effect.sleep(batchPause)
        }
      })

      const sweep = Effect.gen(function* () {
        // First what takes most with it: of a run without events there are no deltas to look for.
        if (events !== null) yield* all("events", batchRuns, retention.removeEvents(events, batchRuns))
        yield* all("deltas", batchRuns, retention.removeDeltas(deltas, batchRuns))
        yield* all("keys", batchKeys, retention.removeKeys(keysKept, batchKeys))
        yield* all("controls", batchControls, retention.removeControls(controlsKept, batchControls))
        yield* all("deliveries", batchDeliveries, retention.removeDeliveries(deliveries, batchDeliveries))
      }).pipe(Effect.catch((failure) => Effect.logWarning("Old events cannot be removed now", failure)))

      const shortest = Math.min(deltas, events ?? deltas, deliveries)
      const every = Math.min(sweepEvery, Math.max(shortest / 10, 500))
      yield* Effect.repeat(sweep, Schedule.spaced(every)).pipe(Effect.forkScoped)
    })
  )
