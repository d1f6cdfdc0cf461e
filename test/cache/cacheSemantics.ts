import { assert, type Vitest } from "@effect/vitest"
import { Duration, Effect, Exit, Option } from "effect"
import { Cache } from "../../src/cache/Cache.ts"
import { counts } from "./TestRedis.ts"

const minute = Duration.minutes(1)

/**
 * What every cache must do. `advance` makes the cache's time pass. Keys are of each test's
 * own, so that the tests may share a cache.
 */
export const cacheSemantics = <R>(
  it: Vitest.MethodsNonLive<Cache | R>,
  advance: (duration: Duration.Input) => Effect.Effect<void, never, R>
) => {
  const found = (key: string) => Effect.flatMap(Cache, (cache) => Effect.map(cache.get(key), Option.getOrUndefined))

  it.effect("gives back what was filled, and nothing for another key", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      assert.strictEqual(yield* found("filled"), undefined)
      yield* cache.fill("filled", "value", minute)
      assert.strictEqual(yield* found("filled"), "value")
      assert.strictEqual(yield* found("fille"), undefined)
    })
  )

  it.effect("keeps values of any characters and size", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      for (const value of [" ", "0", '{"a":"ü€😀"}', "\r\n$-1\r\n\0", "x".repeat(1_000_000)]) {
        const key = `any:${value.length}:\n ${value.slice(0, 5)}`
        yield* cache.fill(key, value, minute)
        assert.strictEqual(yield* found(key), value)
      }
    })
  )

  it.effect("keeps the value that is there when another is filled", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.fill("twice", "first", minute)
      yield* cache.fill("twice", "second", minute)
      assert.strictEqual(yield* found("twice"), "first")
    })
  )

  it.effect("forgets a value at the end of its lifetime, and not before", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.fill("lifetime", "value", minute)
      yield* advance("50 seconds")
      yield* cache.fill("lifetime", "too early", minute)
      assert.strictEqual(yield* found("lifetime"), "value")
      yield* advance("10 seconds")
      assert.strictEqual(yield* found("lifetime"), undefined)
      yield* cache.fill("lifetime", "again", minute)
      assert.strictEqual(yield* found("lifetime"), "again")
    })
  )

  it.effect("keeps nothing without a lifetime, and takes any other", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.fill("no lifetime", "value", Duration.zero)
      assert.strictEqual(yield* found("no lifetime"), undefined)
      yield* cache.fill("short lifetime", "value", Duration.nanos(1n))
      yield* advance("1 millis")
      assert.strictEqual(yield* found("short lifetime"), undefined)
      yield* cache.fill("endless", "value", Duration.infinity)
      assert.strictEqual(yield* found("endless"), "value")
    })
  )

  it.effect("an invalidated value is gone", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.fill("invalidated", "value", minute)
      yield* cache.invalidate("invalidated")
      assert.strictEqual(yield* found("invalidated"), undefined)
    })
  )

  it.effect("takes no value that was read before the invalidation", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      let row = "old"
      // A slow reader has read the row, and a writer changes it before the reader fills.
      const read = row
      row = "new"
      yield* cache.invalidate("race")
      yield* cache.fill("race", read, minute)
      assert.strictEqual(yield* found("race"), undefined)

      yield* advance("9 seconds")
      yield* cache.fill("race", read, minute)
      assert.strictEqual(yield* found("race"), undefined)

      yield* advance("1 second")
      yield* cache.fill("race", row, minute)
      assert.strictEqual(yield* found("race"), "new")
    })
  )

  it.effect("counts the time anew with each invalidation", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.invalidate("again")
      yield* advance("6 seconds")
      yield* cache.invalidate("again")
      yield* advance("6 seconds")
      yield* cache.fill("again", "value", minute)
      assert.strictEqual(yield* found("again"), undefined)
    })
  )

  it.effect("takes a value at once where an unreadable one was removed", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.remove("never there")
      yield* cache.fill("unreadable", "{", minute)
      yield* cache.remove("unreadable")
      assert.strictEqual(yield* found("unreadable"), undefined)
      yield* cache.fill("unreadable", "{}", minute)
      assert.strictEqual(yield* found("unreadable"), "{}")
    })
  )

  it.effect("removing does not end an invalidation", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      yield* cache.invalidate("removed")
      yield* cache.remove("removed")
      yield* cache.fill("removed", "old", minute)
      assert.strictEqual(yield* found("removed"), undefined)
    })
  )

  it.effect("an empty value is a defect, since it means an invalidated key", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      const exit = yield* Effect.exit(cache.fill("empty", "", minute))
      assert.isTrue(Exit.hasDies(exit))
    })
  )

  it.effect("answers a ping", () => Effect.flatMap(Cache, (cache) => cache.ping))

  it.effect("counts hits and misses", () =>
    Effect.gen(function* () {
      const cache = yield* Cache
      const before = yield* counts("cache_requests_total")
      yield* cache.fill("counted", "value", minute)
      yield* found("counted")
      yield* found("counted")
      yield* found("not counted")
      const after = yield* counts("cache_requests_total")
      assert.strictEqual(Number(after["hit"]) - Number(before["hit"]), 2)
      assert.strictEqual(Number(after["miss"]) - Number(before["miss"]), 1)
      assert.strictEqual(Number(after["error"]) - Number(before["error"]), 0)
    })
  )
}
