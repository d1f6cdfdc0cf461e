import { Duration, Effect, Layer, Option } from "effect"
import { Cache } from "./Cache.ts"
import { countRead, registerCacheMetrics } from "./CacheMetrics.ts"
import { lifetimeMillis, requireValue, tombstoneLifetime } from "./CacheRules.ts"
import { RedisConnection } from "./RedisConnection.ts"

const prefix = "causeway:"

const tombstone = ""

// DEL alone would also remove a tombstone that was set meanwhile.
const removeUnlessTombstone = `if redis.call("GET", KEYS[1]) ~= "" then redis.call("DEL", KEYS[1]) end`

/** The cache that all instances share. */
export const layer: Layer.Layer<Cache, never, RedisConnection> = Layer.effect(
  Cache,
  Effect.gen(function* () {
    const { run } = yield* RedisConnection
    yield* registerCacheMetrics

    const get = Effect.fn("RedisCache.get")(function* (key: string) {
      const value = yield* run("cache.get", (redis) => redis.get(prefix + key))
      return value === null || value === tombstone ? Option.none() : Option.some(value)
    }, countRead)

    const fill = Effect.fn("RedisCache.fill")(function* (key: string, value: string, timeToLive: Duration.Duration) {
      requireValue(value)
      const lifetime = lifetimeMillis(timeToLive)
      if (lifetime === undefined) return
      yield* run("cache.fill", (redis) => redis.set(prefix + key, value, "PX", lifetime, "NX"))
    })

    const invalidate = Effect.fn("RedisCache.invalidate")(function* (key: string) {
      const lifetime = Duration.toSeconds(tombstoneLifetime)
      yield* run("cache.invalidate", (redis) => redis.set(prefix + key, tombstone, "EX", lifetime))
    })

    const remove = Effect.fn("RedisCache.remove")(function* (key: string) {
      yield* run("cache.remove", (redis) => redis.eval(removeUnlessTombstone, 1, prefix + key))
    })

    const ping = Effect.asVoid(run("cache.ping", (redis) => redis.ping()))

    return Cache.of({ get, fill, invalidate, remove, ping, shared: true })
  })
)
