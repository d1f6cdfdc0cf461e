import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option, Redacted, Result } from "effect"
import { Redis } from "ioredis"
import { Cache } from "../../src/cache/Cache.ts"
import { RedisConnection } from "../../src/cache/RedisConnection.ts"
import { RedisUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import { startRedis } from "../launchers/Redis.ts"
import { cacheSemantics } from "./cacheSemantics.ts"
import { counts, instance, observed, plainClient, proxied, TestRedis, timed, until } from "./TestRedis.ts"

const minute = Duration.minutes(1)

const onTestRedis = Layer.unwrap(Effect.map(TestRedis, ({ url }) => instance(url)))

// Redis has no clock to set: time passes by taking it from what each key has left.
const shortenLifetimes = `
  for _, key in ipairs(redis.call("KEYS", "*")) do
    local left = redis.call("PTTL", key)
    if left <= tonumber(ARGV[1]) then redis.call("DEL", key) else redis.call("PEXPIRE", key, left - ARGV[1]) end
  end`

const advance = (duration: Duration.Input) =>
  Effect.gen(function* () {
    const redis = yield* plainClient
    yield* Effect.promise(() => redis.eval(shortenLifetimes, 0, Duration.toMillis(duration)))
  }).pipe(Effect.scoped)

const failureOf = <A, E>(result: Result.Result<A, E>): E => {
  if (Result.isSuccess(result)) throw new Error("it succeeded")
  return result.failure
}

const assertUnavailable = (error: unknown, operation: string): void => {
  assert.instanceOf(error, RedisUnavailable)
  assert.strictEqual(error.operation, operation)
  assert.notMatch(error.message, /127\.0\.0\.1|\d{4}/)
}

const works = Effect.gen(function* () {
  const cache = yield* Cache
  yield* cache.ping
  return true
})

describe("RedisCache", () => {
  layer(onTestRedis.pipe(Layer.provideMerge(TestRedis.layer)), { excludeTestServices: true })((it) => {
    cacheSemantics<TestRedis>(it, advance)

    it.effect("is shared, under keys of its own that all end", () =>
      Effect.gen(function* () {
        const cache = yield* Cache
        const redis = yield* plainClient
        yield* cache.fill("value", "v", minute)
        yield* cache.invalidate("tombstone")
        assert.isTrue(cache.shared)
        assert.strictEqual(yield* Effect.promise(() => redis.get("causeway:value")), "v")
        assert.strictEqual(yield* Effect.promise(() => redis.get("causeway:tombstone")), "")
        const left = yield* Effect.promise(() => redis.pttl("causeway:tombstone"))
        assert.isTrue(left > 9000 && left <= 10_000)
        const keys = yield* Effect.promise(() => redis.keys("*"))
        for (const key of keys) {
          assert.isTrue(key.startsWith("causeway:"))
          assert.isAbove(yield* Effect.promise(() => redis.pttl(key)), 0)
        }
      })
    )

    it.effect("one instance's invalidation refuses another's fill", () =>
      Effect.gen(function* () {
        const { url } = yield* TestRedis
        const one = yield* Effect.provide(Cache, yield* Layer.build(instance(url)))
        const other = yield* Effect.provide(Cache, yield* Layer.build(instance(url)))
        yield* one.invalidate("across")
        yield* other.fill("across", "old", minute)
        assert.isTrue(Option.isNone(yield* one.get("across")))
      })
    )
  })

  describe("when Redis fails", () => {
    layer(TestRedis.layer, { excludeTestServices: true })((it) => {
      it.effect("killed: each operation fails at once; restarted: it goes on by itself", () => {
        const { layer, lines } = observed()
        return Effect.gen(function* () {
          const redis = yield* TestRedis
          const cache = yield* Cache
          assert.deepStrictEqual(yield* counts("cache_requests_total"), { hit: 0, miss: 0, error: 0 })
          yield* cache.fill("key", "value", minute)
          yield* Effect.promise(() => redis.kill())
          const operations = {
            "cache.get": cache.get("key"),
            "cache.fill": cache.fill("key", "value", minute),
            "cache.invalidate": cache.invalidate("key"),
            "cache.remove": cache.remove("key"),
            "cache.ping": cache.ping
          }
          for (const [operation, effect] of Object.entries(operations)) {
            const { millis, result } = yield* timed<unknown, RedisUnavailable, never>(effect)
            assertUnavailable(failureOf(result), operation)
            assert.isBelow(millis, 600)
          }
          assert.deepStrictEqual(yield* counts("cache_requests_total"), { hit: 0, miss: 0, error: 1 })
          // Long enough for several attempts: they are not told one by one, and do not grow rare.
          yield* Effect.sleep("3300 millis")
          const away = failureOf((yield* timed(cache.get("key"))).result)
          assert.match(String(away.cause), /ECONNREFUSED/)

          yield* Effect.promise(() => redis.restart())
          assert.isBelow(yield* until(works), 2500)
          assert.isTrue(Option.isNone(yield* cache.get("key")))
          yield* until(Effect.sync(() => lines.length === 2))
          assert.deepStrictEqual(
            lines.map(({ level, message }) => `${level} ${message}`),
            ["Warn Redis is away", "Info Redis is back"]
          )
        }).pipe(Effect.provide(onTestRedis), Effect.provide(layer))
      })

      it.effect("frozen: an operation fails within the limit, later ones at once; thawed: it goes on", () => {
        const { layer, lines } = observed()
        return Effect.gen(function* () {
          const redis = yield* TestRedis
          const cache = yield* Cache
          yield* cache.fill("a", "1", minute)
          yield* cache.fill("b", "2", minute)
          yield* Effect.promise(() => redis.freeze())
          const first = yield* Effect.all([timed(cache.get("a")), timed(cache.get("b")), timed(cache.ping)], {
            concurrency: "unbounded"
          })
          for (const { millis, result } of first) {
            assert.instanceOf(failureOf<unknown, RedisUnavailable>(result), RedisUnavailable)
            assert.isBelow(millis, 1900)
          }
          yield* Effect.sleep("50 millis")
          for (let n = 0; n < 5; n++) assert.isBelow((yield* timed(cache.get("a"))).millis, 600)

          yield* Effect.promise(() => redis.thaw())
          assert.isBelow(yield* until(works), 2500)
          // Late answers belong to commands that were given up, never to these.
          assert.deepStrictEqual(yield* cache.get("a"), Option.some("1"))
          assert.deepStrictEqual(yield* cache.get("b"), Option.some("2"))
          assert.isTrue(Option.isNone(yield* cache.get("c")))
          yield* until(Effect.sync(() => lines.length === 2))
          assert.deepStrictEqual(
            lines.map(({ message }) => message),
            ["Redis is away", "Redis is back"]
          )
        }).pipe(Effect.provide(onTestRedis), Effect.provide(layer), Effect.ensuring(thaw))
      })

      it.effect("lost while a command waits for its answer: it fails at once", () =>
        Effect.gen(function* () {
          const proxy = yield* proxied
          yield* Effect.gen(function* () {
            const cache = yield* Cache
            yield* Effect.promise(() => proxy.set({ kind: "blackhole" }))
            const waiting = yield* Effect.forkChild(timed(cache.get("key")), { startImmediately: true })
            yield* Effect.promise(() => proxy.set({ kind: "reset" }))
            const { millis, result } = yield* Fiber.join(waiting)
            const error = failureOf(result)
            assertUnavailable(error, "cache.get")
            assert.isBelow(millis, 900)
            assert.match(String(error.cause), /ECONNRESET|connection was closed/)
          }).pipe(Effect.provide(instance(proxy.url("redis"))))
        })
      )

      it.effect("busy: other answers give a command no more time, and its own late answer goes to no other", () =>
        Effect.gen(function* () {
          const { url } = yield* TestRedis
          yield* Effect.gen(function* () {
            const { run } = yield* RedisConnection
            // The server answers nothing else on this connection until the time is over.
            const busy = (seconds: number) =>
              run("busy", (redis) => redis.blpop("never pushed", seconds)).pipe(
                timed,
                Effect.forkChild({ startImmediately: true })
              )
            const first = yield* busy(0.7)
            yield* Effect.sleep("50 millis")
            const second = yield* busy(0.6)
            assert.deepStrictEqual((yield* Fiber.join(first)).result, Result.succeed(null))
            const error = failureOf((yield* Fiber.join(second)).result)
            assertUnavailable(error, "busy")
            assert.match(String(error.cause), /Command timed out/)
            assert.strictEqual(yield* run("echo", (redis) => redis.echo("mine")), "mine")
          }).pipe(Effect.provide(RedisConnection.layer(Redacted.make(url))))
        })
      )

      it.effect("notices a frozen Redis without being asked", () => {
        const { layer, lines } = observed()
        return Effect.gen(function* () {
          const redis = yield* TestRedis
          const cache = yield* Cache
          yield* Effect.promise(() => redis.freeze())
          yield* until(Effect.sync(() => lines.length === 1))
          assert.isBelow((yield* timed(cache.ping)).millis, 600)
        }).pipe(Effect.provide(onTestRedis), Effect.provide(layer), Effect.ensuring(thaw))
      })

      it.effect("slow: waits within the limit and no longer; answers in time again when it is over", () =>
        Effect.gen(function* () {
          const proxy = yield* proxied
          yield* Effect.gen(function* () {
            const cache = yield* Cache
            yield* cache.fill("slow", "value", minute)
            yield* Effect.promise(() => proxy.set({ kind: "latency", ms: 150 }))
            const slow = yield* timed(cache.get("slow"))
            assert.deepStrictEqual(slow.result, Result.succeed(Option.some("value")))
            assert.isTrue(slow.millis >= 300)

            yield* Effect.promise(() => proxy.set({ kind: "latency", ms: 700 }))
            const tooSlow = yield* timed(cache.get("slow"))
            assertUnavailable(failureOf(tooSlow.result), "cache.get")
            assert.isBelow(tooSlow.millis, 1900)

            yield* Effect.promise(() => proxy.set({ kind: "pass" }))
            yield* until(works)
            assert.deepStrictEqual(yield* cache.get("slow"), Option.some("value"))
          }).pipe(Effect.provide(instance(proxy.url("redis"))))
        })
      )

      it.effect("a network that swallows everything is given up, and used again within a second or so", () =>
        Effect.gen(function* () {
          const proxy = yield* proxied
          yield* Effect.gen(function* () {
            const cache = yield* Cache
            yield* Effect.promise(() => proxy.set({ kind: "blackhole" }))
            assert.isBelow((yield* timed(cache.get("key"))).millis, 1900)
            yield* Effect.promise(() => proxy.set({ kind: "pass" }))
            assert.isBelow(yield* until(works), 2500)
          }).pipe(Effect.provide(instance(proxy.url("redis"))))
        })
      )

      it.effect("a command whose caller was told that it failed is not sent later", () =>
        Effect.gen(function* () {
          const proxy = yield* proxied
          const redis = yield* plainClient
          yield* Effect.gen(function* () {
            const cache = yield* Cache
            yield* Effect.promise(() => proxy.set({ kind: "refuse" }))
            yield* Effect.flip(cache.fill("refused", "value", minute))
            yield* Effect.promise(() => proxy.set({ kind: "pass" }))
            yield* until(works)
            assert.strictEqual(yield* Effect.promise(() => redis.get("causeway:refused")), null)
          }).pipe(Effect.provide(instance(proxy.url("redis"))))
        })
      )

      it.effect("an invalidation that Redis did not take is made up for", () =>
        Effect.gen(function* () {
          const proxy = yield* proxied
          const redis = yield* plainClient
          yield* Effect.gen(function* () {
            const cache = yield* Cache
            yield* cache.fill("revoked", "valid", minute)
            yield* Effect.promise(() => proxy.set({ kind: "refuse" }))
            assertUnavailable(yield* Effect.flip(cache.invalidate("revoked")), "cache.invalidate")
            yield* Effect.promise(() => proxy.set({ kind: "pass" }))
            yield* until(works)
            assert.isTrue(Option.isNone(yield* cache.get("revoked")))
            yield* until(Effect.promise(async () => (await redis.get("causeway:revoked")) === ""))
          }).pipe(Effect.provide(instance(proxy.url("redis"))))
        })
      )

      it.effect("away at the start: the layer is there, and works as soon as Redis is", () => {
        const { layer, lines } = observed()
        return Effect.gen(function* () {
          const proxy = yield* proxied
          yield* Effect.promise(() => proxy.set({ kind: "refuse" }))
          const built = yield* timed(Layer.build(instance(proxy.url("redis"))))
          assert.isBelow(built.millis, 2500)
          const cache = yield* Effect.provide(Cache, yield* Effect.fromResult(built.result))
          assertUnavailable(yield* Effect.flip(cache.ping), "cache.ping")
          yield* Effect.promise(() => proxy.set({ kind: "pass" }))
          yield* until(Effect.as(cache.ping, true))
          assert.strictEqual(lines[0]?.message, "Redis is away")
        }).pipe(Effect.provide(layer))
      })

      it.effect("closing the layer is no outage, and leaves no connection", () => {
        const { layer, lines } = observed()
        return Effect.gen(function* () {
          const redis = yield* plainClient
          const clients = Effect.promise(
            async () => String(await redis.client("LIST")).match(/name=causeway/g)?.length ?? 0
          )
          yield* Effect.gen(function* () {
            yield* Cache
            assert.strictEqual(yield* clients, 2)
          }).pipe(Effect.provide(onTestRedis))
          yield* until(Effect.map(clients, (open) => open === 0))
          assert.deepStrictEqual(lines, [])
        }).pipe(Effect.provide(layer))
      })
    })
  })

  it.live("a password goes to Redis, and into no log and no error", () => {
    const { layer, lines } = observed()
    return Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.promise(() => startRedis()),
        (redis) => Effect.promise(() => redis.stop())
      )
      const redis = yield* Effect.acquireRelease(
        Effect.sync(() => new Redis(server.url)),
        (client) => Effect.sync(() => client.disconnect())
      )
      yield* Effect.promise(() => redis.config("SET", "requirepass", "right-secret"))
      const withPassword = (password: string) => {
        const url = new URL(server.url)
        url.password = password
        return instance(url.href)
      }
      yield* Effect.provide(works, withPassword("right-secret"))
      assert.deepStrictEqual(lines, [])

      const error = yield* Effect.flip(Effect.provide(works, withPassword("wrong-secret")))
      assertUnavailable(error, "cache.ping")
      const seen = JSON.stringify([lines, error, String(error.cause)])
      assert.match(seen, /WRONGPASS/)
      assert.notMatch(seen, /wrong-secret/)
    }).pipe(Effect.provide(layer))
  })
})

const thaw = Effect.flatMap(TestRedis, (redis) => Effect.promise(() => redis.thaw()))
