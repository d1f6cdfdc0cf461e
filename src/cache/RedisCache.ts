import { Duration, Effect, Layer, Option, Schedule } from "effect"
import { Cache } from "./Cache.ts"
import { countRead, registerCacheMetrics } from "./CacheMetrics.ts"
import { lifetimeMillis, requireValue, tombstoneLifetime } from "./CacheRules.ts"
import { RedisConnection } from "./RedisConnection.ts"

const prefix = "causeway:"

const tombstone = ""

// DEL alone would also remove a tombstone that was set meanwhile.
const removeUnlessTombstone = `if redis.call("GET", KEYS[1]) ~= "" then redis.call("DEL", KEYS[1]) end`

// Keys with an invalidation that Redis did not take. Beyond so many, a value's lifetime has to end it.
const maxOwed = 10_000

/** The cache that all instances share. */
export const layer: Layer.Layer<Cache, never, RedisConnection> = Layer.effect(
  Cache,
  Effect.gen(function* () {
    const { run } = yield* RedisConnection
    const owed = new Set<string>()
    yield* registerCacheMetrics

    const bury = (key: string) =>
      run("cache.invalidate", (redis) =>
        redis.set(prefix + key, tombstone, "EX", Duration.toSeconds(tombstoneLifetime))
      )

    // A Redis that was cut off or frozen still has the old values when it is back.
    const settle = Effect.fnUntraced(function* () {
      for (const key of owed) {
        yield* bury(key)
        owed.delete(key)
      }
    })
    yield* settle().pipe(Effect.ignore, Effect.repeat(Schedule.spaced("250 millis")), Effect.forkScoped)

    const get = Effect.fn("RedisCache.get")(function* (key: string) {
      const value = yield* run("cache.get", (redis) => redis.get(prefix + key))
      return value === null || value === tombstone || owed.has(key) ? Option.none() : Option.some(value)
    }, countRead)

    const fill = Effect.fn("RedisCache.fill")(function* (key: string, value: string, timeToLive: Duration.Duration) {
      requireValue(value)
      const lifetime = lifetimeMillis(timeToLive)
      if (lifetime === undefined) return
      yield* run("cache.fill", (redis) => redis.set(prefix + key, value, "PX", lifetime, "NX"))
    })

    const invalidate = Effect.fn("RedisCache.invalidate")(
      (key: string) => Effect.asVoid(bury(key)),
      (invalidation, key) =>
        Effect.onError(invalidation, () =>
          Effect.sync(() => {
            if (owed.size < maxOwed) owed.add(key)
          })
        )
    )

    const remove = Effect.fn("RedisCache.remove")(function* (key: string) {
      yield* run("cache.remove", (redis) => redis.eval(removeUnlessTombstone, 1, prefix + key))
    })

    const ping = Effect.asVoid(run("cache.ping", (redis) => redis.ping()))

    return Cache.of({ get, fill, invalidate, remove, ping, shared: true })
  })
)
