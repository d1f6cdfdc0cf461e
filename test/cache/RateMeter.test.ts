import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import * as MemoryRateMeter from "../../src/cache/MemoryRateMeter.ts"
import { type Rate, RateMeter } from "../../src/cache/RateMeter.ts"
import { RedisConnection } from "../../src/cache/RedisConnection.ts"
import * as RedisRateMeter from "../../src/cache/RedisRateMeter.ts"
import { proxied, TestRedis } from "./TestRedis.ts"

const rate = (limit: number): Rate => ({ key: randomUUID(), limit })

const overRedis = Layer.unwrap(
  Effect.map(TestRedis, ({ url }) =>
    RedisRateMeter.layer.pipe(Layer.provide(RedisConnection.layer(Redacted.make(url))))
  )
).pipe(Layer.provideMerge(TestRedis.layer))

const implementations = [
  ["memory", MemoryRateMeter.layer],
  ["Redis", overRedis]
] as const

for (const [name, implementation] of implementations) {
  layer(implementation, { excludeTestServices: true })(`a rate meter in ${name}`, (it) => {
    it.effect("lets a minute's worth pass at once, and no more, however many ask together", () =>
      Effect.gen(function* () {
        const meter = yield* RateMeter
        const five = rate(5)
        const measured = yield* Effect.all(
          Array.from({ length: 20 }, () => meter.use([five])),
          { concurrency: "unbounded" }
        )
        const allowed = measured.filter((one) => one.allowed)
        assert.strictEqual(allowed.length, 5)
        const [first] = allowed
        assert.closeTo(first?.backlogs[0] ?? 0, 12_000, 1000)
        const [refused] = measured.filter((one) => !one.allowed)
        assert.closeTo(refused?.backlogs[0] ?? 0, 60_000, 2000)
      })
    )

    it.effect("gives room again bit by bit", () =>
      Effect.gen(function* () {
        const meter = yield* RateMeter
        const fast = rate(300)
        for (let used = 0; used < 300; used++) yield* meter.use([fast])
        // Some of it is free again already: the calls above took time.
        let refused = false
        for (let tries = 0; tries < 50 && !refused; tries++) refused = !(yield* meter.use([fast])).allowed
        assert.isTrue(refused)
        yield* Effect.sleep(450)
        const again = yield* Effect.all([meter.use([fast]), meter.use([fast])])
        assert.deepStrictEqual(
          again.map(({ allowed }) => allowed),
          [true, true]
        )
      })
    )

    it.effect("uses all of several rates or none", () =>
      Effect.gen(function* () {
        const meter = yield* RateMeter
        const [wide, narrow] = [rate(100), rate(1)]
        assert.isTrue((yield* meter.use([wide, narrow])).allowed)
        for (let tries = 0; tries < 5; tries++) assert.isFalse((yield* meter.use([wide, narrow])).allowed)
        const { allowed, backlogs } = yield* meter.use([wide])
        assert.isTrue(allowed)
        assert.isAtMost(backlogs[0] ?? 0, 1200)
      })
    )
  })
}

layer(TestRedis.layer, { excludeTestServices: true })("a rate meter without its Redis", (it) => {
  it.effect("says so within its limit", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied
      const url = `redis://127.0.0.1:${proxy.port}`
      yield* Effect.gen(function* () {
        const meter = yield* RateMeter
        yield* meter.use([rate(1)])
        yield* Effect.promise(() => proxy.close())
        const failure = yield* Effect.flip(meter.use([rate(1)]))
        assert.strictEqual(failure._tag, "RedisUnavailable")
      }).pipe(Effect.provide(RedisRateMeter.layer.pipe(Layer.provide(RedisConnection.layer(Redacted.make(url))))))
    }).pipe(Effect.scoped)
  )
})
