import { Effect, Metric, Option } from "effect"

const requests = Metric.counter("cache_requests_total", {
  description: "Reads of the cache, by what came of them",
  incremental: true
})

const hits = Metric.withAttributes(requests, { result: "hit" })
const misses = Metric.withAttributes(requests, { result: "miss" })
const errors = Metric.withAttributes(requests, { result: "error" })

/** Makes the counters exist at 0, so that a first increase can be seen. */
export const registerCacheMetrics: Effect.Effect<void> = Effect.forEach(
  [hits, misses, errors],
  (counter) => Metric.update(counter, 0),
  { discard: true }
)

/** Counts a read of the cache as a hit, a miss or an error. */
export const countRead = <E, R>(
  read: Effect.Effect<Option.Option<string>, E, R>
): Effect.Effect<Option.Option<string>, E, R> =>
  read.pipe(
    Effect.tap((found) => Metric.update(Option.isSome(found) ? hits : misses, 1)),
    Effect.tapError(() => Metric.update(errors, 1))
  )
