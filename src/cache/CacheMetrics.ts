import { Effect, Metric, Option } from "effect"

const requests = Metric.counter("cache_requests_total", {
  description: "Reads of the cache, by what came of them",
  incremental: true
})

const hits = Metric.withAttributes(requests, { result: "hit" })
const misses = Metric.withAttributes(requests, { result: "miss" })
const errors = Metric.withAttributes(requests, { result: "error" })

const hitRate = Metric.gauge("cache_hit_rate", {
  description: "Share of the reads that found something, of all that the cache answered since the start; 0 before any"
})

const corruptions = Metric.counter("cache_corruption_total", {
  description: "Cached values that could not be read; each was removed, and the database answered",
  incremental: true
})

const redisDown = Metric.gauge("redis_down", { description: "1 while a connection to Redis is away, else 0" })

/** Makes the metrics exist at 0, so that a first increase can be seen. */
export const registerCacheMetrics: Effect.Effect<void> = Effect.gen(function* () {
  yield* Effect.forEach([hits, misses, errors, corruptions], Metric.value, { discard: true })
  yield* Metric.value(redisDown)
  const context = yield* Effect.context<never>()
  Metric.registerUnsafe(hitRate, context, {
    get: () => {
      const found = hits.valueUnsafe(context).count
      const answered = found + misses.valueUnsafe(context).count
      return { value: answered === 0 ? 0 : found / answered }
    },
    update: () => {},
    modify: () => {}
  })
})

/** Counts a cached value that could not be read. */
export const countCorruption: Effect.Effect<void> = Metric.update(corruptions, 1)

/** Says whether Redis is away. */
export const noteRedisDown = (down: boolean): Effect.Effect<void> => Metric.update(redisDown, down ? 1 : 0)

/** Counts a read of the cache as a hit, a miss or an error. */
export const countRead = <E, R>(
  read: Effect.Effect<Option.Option<string>, E, R>
): Effect.Effect<Option.Option<string>, E, R> =>
  read.pipe(
    Effect.tap((found) => Metric.update(Option.isSome(found) ? hits : misses, 1)),
    Effect.tapError(() => Metric.update(errors, 1))
  )
