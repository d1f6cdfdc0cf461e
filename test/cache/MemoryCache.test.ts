import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Cache } from "../../src/cache/Cache.ts"
import * as MemoryCache from "../../src/cache/MemoryCache.ts"
import { cacheSemantics } from "./cacheSemantics.ts"
import { counts, observed } from "./TestRedis.ts"

const minute = Duration.minutes(1)

const present = Effect.fnUntraced(function* (keys: ReadonlyArray<string>) {
  const cache = yield* Cache
  return yield* Effect.filter(keys, (key) => Effect.map(cache.get(key), Option.isSome))
})

const fillAll = Effect.fnUntraced(function* (keys: ReadonlyArray<string>, value = "v") {
  const cache = yield* Cache
  yield* Effect.forEach(keys, (key) => cache.fill(key, value, minute), { discard: true })
})

describe("MemoryCache", () => {
  layer(MemoryCache.layer())((it) => {
    cacheSemantics(it, TestClock.adjust)

    it.effect("is this process's own", () =>
      Effect.gen(function* () {
        assert.isFalse((yield* Cache).shared)
      })
    )
  })

  it.effect("holds so many entries, and the least recently used gives way", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* fillAll(["a", "b", "c"])
      yield* cache.get("a")
      yield* fillAll(["d", "e"])
      assert.deepStrictEqual(yield* present(["a", "b", "c", "d", "e"]), ["a", "d", "e"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxEntries: 3 })))
  )

  it.effect("holds so many characters, of keys and values", () =>
    Effect.gen(function* () {
      yield* fillAll(["a", "b", "c"], "123456789")
      yield* fillAll(["d"], "1234567890")
      assert.deepStrictEqual(yield* present(["a", "b", "c", "d"]), ["c", "d"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxCharacters: 30 })))
  )

  it.effect("counts the characters of what went as free", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      for (let round = 0; round < 10; round++) {
        yield* fillAll(["removed", "invalidated", "expired"], "123456789")
        yield* cache.remove("removed")
        yield* cache.invalidate("invalidated")
        yield* TestClock.adjust(minute)
        yield* cache.get("expired")
      }
      yield* fillAll(["a", "b", "c"], "123456789")
      assert.deepStrictEqual(yield* present(["a", "b", "c"]), ["a", "b", "c"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxCharacters: 60 })))
  )

  it.effect("does not empty itself for a value that is too large", () =>
    Effect.gen(function* () {
      yield* fillAll(["small"])
      yield* fillAll(["large"], "x".repeat(100))
      assert.deepStrictEqual(yield* present(["small", "large"]), ["small"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxCharacters: 50 })))
  )

  it.effect("a flood of values does not end an invalidation", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.invalidate("key")
      yield* fillAll(Array.from({ length: 50 }, (_, index) => `flood ${index}`))
      yield* cache.fill("key", "old", minute)
      assert.deepStrictEqual(yield* present(["key"]), [])
    }).pipe(Effect.provide(MemoryCache.layer({ maxEntries: 3 })))
  )

  it.effect("a flood of invalidations does not end one: the cache takes nothing meanwhile", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.invalidate("key")
      yield* TestClock.adjust("5 seconds")
      for (const key of ["a", "b", "c"]) yield* cache.invalidate(key)
      yield* cache.fill("key", "old", minute)
      assert.deepStrictEqual(yield* present(["key"]), [])
      yield* TestClock.adjust("5 seconds")
      yield* fillAll(["key", "a"])
      assert.deepStrictEqual(yield* present(["key", "a"]), ["key"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxEntries: 3 })))
  )

  it.effect("a renewed invalidation is not the oldest", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.invalidate("a")
      yield* TestClock.adjust("4 seconds")
      yield* cache.invalidate("b")
      yield* TestClock.adjust("4 seconds")
      for (const key of ["a", "c", "d"]) yield* cache.invalidate(key)
      yield* TestClock.adjust("6 seconds")
      yield* fillAll(["a", "b", "e"])
      assert.deepStrictEqual(yield* present(["a", "b", "e"]), ["b", "e"])
    }).pipe(Effect.provide(MemoryCache.layer({ maxEntries: 3 })))
  )

  it.effect("keeps a value of less than a millisecond for one", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.fill("key", "value", Duration.nanos(1n))
      assert.deepStrictEqual(yield* present(["key"]), ["key"])
    }).pipe(Effect.provide(MemoryCache.layer()))
  )

  it.effect("has its counters at 0 from the start", () => {
    const { layer } = observed()
    return Effect.gen(function* () {
      yield* Cache
      assert.deepStrictEqual(yield* counts("cache_requests_total"), { hit: 0, miss: 0, error: 0 })
    }).pipe(Effect.provide(MemoryCache.layer()), Effect.provide(layer))
  })
})
