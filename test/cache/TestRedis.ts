import { type Cause, Context, Duration, Effect, Layer, Logger, Metric, Redacted, References } from "effect"
import { Redis } from "ioredis"
import * as RedisCache from "../../src/cache/RedisCache.ts"
import { RedisConnection } from "../../src/cache/RedisConnection.ts"
import * as RedisDoorbell from "../../src/cache/RedisDoorbell.ts"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"

/** A Redis of this suite's own, which it may break. */
export class TestRedis extends Context.Service<TestRedis, RedisServer>()("test/cache/TestRedis") {
  static readonly layer = Layer.effect(
    TestRedis,
    Effect.acquireRelease(
      Effect.promise(() => startRedis()),
      (server) => Effect.promise(() => server.stop())
    )
  )
}

/** A proxy before the Redis of this suite, for one test. */
export const proxied = Effect.gen(function* () {
  const { port } = yield* TestRedis
  return yield* Effect.acquireRelease(
    Effect.promise((): Promise<FaultProxy> => startFaultProxy({ host: "127.0.0.1", port })),
    (proxy) => Effect.promise(() => proxy.close())
  )
})

/** A plain client, to see and do what the layers cannot. It lives as long as the scope. */
export const plainClient = Effect.gen(function* () {
  const { url } = yield* TestRedis
  return yield* Effect.acquireRelease(
    Effect.sync(() => new Redis(url)),
    (redis) => Effect.sync(() => redis.disconnect())
  )
})

/** One instance's cache and doorbell on the server of a URL. Each use of this layer is one more instance. */
export const instance = (url: string) =>
  Layer.mergeAll(RedisCache.layer, RedisDoorbell.layer).pipe(
    Layer.provide(Layer.fresh(RedisConnection.layer(Redacted.make(url))))
  )

/** A line of the log. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly cause: Cause.Cause<unknown>
}

/** Keeps the lines of the log and a registry of metrics of its own. */
export const observed = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    lines.push({ level: logLevel, message: String(message), annotations, cause })
  })
  const layer = Layer.mergeAll(Logger.layer([logger]), Layer.succeed(Metric.MetricRegistry, new Map()))
  return { lines, layer }
}

/** The counts of a counter by the values of its attributes; the empty name where there are none. */
export const counts = (id: string): Effect.Effect<Readonly<Record<string, unknown>>> =>
  Effect.map(Metric.snapshot, (snapshots) =>
    Object.fromEntries(
      snapshots.flatMap((snapshot) =>
        snapshot.id === id && snapshot.type === "Counter"
          ? [[Object.values(snapshot.attributes ?? {}).join(), Number(snapshot.state.count)]]
          : []
      )
    )
  )

/** An effect's result with the milliseconds it took. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timed(Effect.result(effect)).pipe(
    Effect.map(([duration, result]) => ({ millis: Duration.toMillis(duration), result }))
  )

/** Repeats until it succeeds with true, and gives the milliseconds; gives up after 20 seconds. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.orElseSucceed(() => false),
    Effect.filterOrFail((holds) => holds),
    Effect.eventually,
    Effect.timeout("20 seconds"),
    Effect.timed,
    Effect.map(([duration]) => Duration.toMillis(duration))
  )
