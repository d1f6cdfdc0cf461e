import { Clock, Duration, Effect, Layer, Option } from "effect"
import { Cache } from "./Cache.ts"
import { countRead, registerCacheMetrics } from "./CacheMetrics.ts"
import { lifetimeMillis, requireValue, tombstoneLifetime } from "./CacheRules.ts"
import { MemoryEntries, type MemoryLimits } from "./MemoryEntries.ts"
import { MemoryTombstones } from "./MemoryTombstones.ts"

const defaultLimits: MemoryLimits = { maxEntries: 10_000, maxCharacters: 16_000_000 }

/** A cache in this process, for an installation of one instance. It is always there: no operation fails. */
export const layer = (limits: Partial<MemoryLimits> = {}): Layer.Layer<Cache> =>
  Layer.effect(
    Cache,
    Effect.gen(function* () {
      const { maxCharacters, maxEntries } = { ...defaultLimits, ...limits }
      const entries = new MemoryEntries({ maxEntries, maxCharacters })
      const tombstones = new MemoryTombstones(Duration.toMillis(tombstoneLifetime), maxEntries)
      yield* registerCacheMetrics

      const get = Effect.fn("MemoryCache.get")(function* (key: string) {
        return Option.fromUndefinedOr(entries.get(key, yield* Clock.currentTimeMillis))
      }, countRead)

      const fill = Effect.fn("MemoryCache.fill")(function* (key: string, value: string, timeToLive: Duration.Duration) {
        requireValue(value)
        const lifetime = lifetimeMillis(timeToLive)
        const now = yield* Clock.currentTimeMillis
        if (lifetime === undefined || tombstones.has(key, now) || entries.get(key, now) !== undefined) return
        entries.set(key, value, now + lifetime)
      })

      const invalidate = Effect.fn("MemoryCache.invalidate")(function* (key: string) {
        tombstones.add(key, yield* Clock.currentTimeMillis)
        entries.delete(key)
      })

      const remove = Effect.fn("MemoryCache.remove")((key: string) => Effect.sync(() => entries.delete(key)))

      return Cache.of({ get, fill, invalidate, remove, ping: Effect.void, shared: false })
    })
  )
