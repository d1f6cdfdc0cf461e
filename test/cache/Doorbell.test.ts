import { assert, describe, layer, type Vitest } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Doorbell } from "../../src/cache/Doorbell.ts"
import * as MemoryDoorbell from "../../src/cache/MemoryDoorbell.ts"
import { counts, instance, observed, plainClient, proxied, TestRedis, timed, until } from "./TestRedis.ts"

const onTestRedis = Layer.unwrap(Effect.map(TestRedis, ({ url }) => instance(url)))

/** Writes down what is heard from now on, while the scope lives. */
const listen = Effect.fnUntraced(function* (doorbell: Doorbell["Service"]) {
  const heard: Array<string> = []
  yield* doorbell.rings.pipe(
    Stream.runForEach((name) => Effect.sync(() => heard.push(name))),
    Effect.forkScoped({ startImmediately: true })
  )
  return heard
})

const hears = (heard: ReadonlyArray<string>, names: ReadonlyArray<string>) =>
  until(Effect.sync(() => names.every((name) => heard.includes(name))))

const another = Effect.fnUntraced(function* (url: string) {
  return yield* Effect.provide(Doorbell, yield* Layer.build(instance(url)))
})

const semantics = (it: Vitest.MethodsNonLive<Doorbell>) => {
  it.effect("rings for every listener, once and in order, from when it listens", () =>
    Effect.gen(function* () {
      const doorbell = yield* Doorbell
      const first = yield* listen(doorbell)
      yield* doorbell.ring("a")
      const second = yield* listen(doorbell)
      yield* doorbell.ring("b")
      yield* doorbell.ring("b")
      yield* doorbell.ring("c d: é")
      yield* hears(second, ["c d: é"])
      yield* hears(first, ["c d: é"])
      assert.deepStrictEqual(first, ["a", "b", "b", "c d: é"])
      assert.deepStrictEqual(second, ["b", "b", "c d: é"])
    })
  )

  it.effect("never waits for a listener that does nothing", () =>
    Effect.gen(function* () {
      const doorbell = yield* Doorbell
      yield* doorbell.rings.pipe(
        Stream.runForEach(() => Effect.never),
        Effect.forkScoped({ startImmediately: true })
      )
      // More than are held for a listener.
      yield* Effect.forEach(Array.from({ length: 5000 }), () => doorbell.ring("busy"), { discard: true }).pipe(
        Effect.timeout("20 seconds")
      )
    })
  )
}

describe("MemoryDoorbell", () => {
  layer(MemoryDoorbell.layer, { excludeTestServices: true })(semantics)
})

describe("RedisDoorbell", () => {
  layer(onTestRedis.pipe(Layer.provideMerge(TestRedis.layer)), { excludeTestServices: true })((it) => {
    semantics(it)

    it.effect("rings on every instance, however many names at a time", () =>
      Effect.gen(function* () {
        const { url } = yield* TestRedis
        const doorbell = yield* Doorbell
        const heard = yield* listen(yield* another(url))
        const names = Array.from({ length: 3000 }, (_, index) => `name ${index}`)
        yield* Effect.forEach(names, (name) => doorbell.ring(name), { discard: true })
        yield* hears(heard, names.slice(-1))
        assert.deepStrictEqual(heard, names)
      })
    )

    it.effect("rings on every instance, once", () =>
      Effect.gen(function* () {
        const { url } = yield* TestRedis
        const one = yield* Doorbell
        const other = yield* another(url)
        const atOne = yield* listen(one)
        const atOther = yield* listen(other)
        yield* one.ring("from one")
        yield* hears(atOther, ["from one"])
        yield* other.ring("from the other")
        yield* hears(atOne, ["from one", "from the other"])
        yield* Effect.sleep("50 millis")
        assert.deepStrictEqual(atOne, ["from one", "from the other"])
        assert.deepStrictEqual(atOther, ["from one", "from the other"])
      })
    )
  })

  layer(TestRedis.layer, { excludeTestServices: true })("when Redis fails", (it) => {
    it.effect("lost and back: says so with one empty name, and rings again", () =>
      Effect.gen(function* () {
        const redis = yield* TestRedis
        const one = yield* another(redis.url)
        const other = yield* another(redis.url)
        const heard = yield* listen(other)
        yield* Effect.promise(() => redis.kill())
        yield* one.ring("missed")
        yield* Effect.promise(() => redis.restart())
        assert.isBelow(yield* hears(heard, [""]), 2500)
        yield* until(
          Effect.andThen(
            one.ring("again"),
            Effect.sync(() => heard.includes("again"))
          )
        )
        assert.strictEqual(heard[0], "")
        assert.strictEqual(heard.filter((name) => name === "").length, 1)
        assert.notInclude(heard, "missed")
      })
    )

    it.effect("only the listening connection lost: the same", () =>
      Effect.gen(function* () {
        const { url } = yield* TestRedis
        const client = yield* plainClient
        const doorbell = yield* another(url)
        const heard = yield* listen(doorbell)
        yield* Effect.promise(() => client.call("CLIENT", "KILL", "TYPE", "pubsub"))
        yield* hears(heard, [""])
        const other = yield* another(url)
        yield* other.ring("again")
        yield* hears(heard, ["again"])
        assert.deepStrictEqual(heard, ["", "again"])
      })
    )

    it.effect("a listener notices by itself that nothing comes any more", () =>
      Effect.gen(function* () {
        const { url } = yield* TestRedis
        const proxy = yield* proxied
        const heard = yield* listen(yield* another(proxy.url("redis")))
        const other = yield* another(url)
        yield* Effect.promise(() => proxy.set({ kind: "blackhole" }))
        yield* Effect.sleep("2200 millis")
        yield* other.ring("missed")
        yield* Effect.promise(() => proxy.set({ kind: "pass" }))
        assert.isBelow(yield* hears(heard, [""]), 2500)
        assert.deepStrictEqual(heard, [""])
      })
    )

    it.effect("away: rings cost nothing, are counted, told once, and heard within the instance", () => {
      const { layer, lines } = observed()
      return Effect.gen(function* () {
        const redis = yield* TestRedis
        const doorbell = yield* Doorbell
        assert.deepStrictEqual(yield* counts("doorbell_failures_total"), { "": 0 })
        const heard = yield* listen(doorbell)
        yield* Effect.promise(() => redis.kill())
        for (let n = 0; n < 10; n++) assert.isBelow((yield* timed(doorbell.ring(`${n}`))).millis, 600)
        yield* hears(heard, ["0", "9"])
        yield* until(Effect.map(counts("doorbell_failures_total"), (failures) => failures[""] === 10))
        const told = () => lines.filter(({ message }) => message.startsWith("Other instances")).length
        assert.strictEqual(told(), 1)
        assert.strictEqual(lines.filter(({ message }) => message === "Redis is away").length, 1)

        yield* Effect.promise(() => redis.restart())
        yield* hears(heard, [""])
        yield* until(
          Effect.gen(function* () {
            const before = yield* counts("doorbell_failures_total")
            yield* doorbell.ring("back")
            yield* Effect.sleep("20 millis")
            return (yield* counts("doorbell_failures_total"))[""] === before[""]
          })
        )
        yield* Effect.promise(() => redis.kill())
        yield* doorbell.ring("the next outage")
        yield* until(Effect.sync(() => told() === 2))
      }).pipe(
        Effect.provide(onTestRedis),
        Effect.provide(layer),
        Effect.ensuring(Effect.flatMap(TestRedis, (redis) => Effect.promise(() => redis.restart())))
      )
    })

    it.effect("frozen: rings do not wait, and so many at most are held", () =>
      Effect.gen(function* () {
        const redis = yield* TestRedis
        const { layer } = observed()
        yield* Effect.gen(function* () {
          const doorbell = yield* Doorbell
          yield* Effect.promise(() => redis.freeze())
          yield* doorbell.ring("frozen")
          // From here this one is under way, and all others wait for it.
          yield* Effect.sleep("50 millis")
          let slowest = 0
          for (let n = 0; n < 5096; n++) slowest = Math.max(slowest, (yield* timed(doorbell.ring("frozen"))).millis)
          assert.isBelow(slowest, 600)
          const dropped = (yield* counts("doorbell_failures_total"))[""]
          assert.isAtLeast(Number(dropped), 1000)
          yield* until(Effect.map(counts("doorbell_failures_total"), (failures) => failures[""] === 5097))
        }).pipe(Effect.provide(onTestRedis), Effect.provide(layer), Effect.ensuring(Effect.promise(() => redis.thaw())))
      })
    )
  })
})
