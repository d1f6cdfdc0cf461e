import { randomUUID } from "node:crypto"
import { Effect, Layer, Metric, PubSub, Queue, Stream } from "effect"
import { Doorbell } from "./Doorbell.ts"
import { makeRings } from "./MemoryDoorbell.ts"
import { RedisConnection } from "./RedisConnection.ts"

const channel = "causeway:doorbell"

// Rings that wait for the answer to those before them. More are dropped: a frozen Redis must not grow the heap.
const maxWaiting = 4096

const failures = Metric.counter("doorbell_failures_total", {
  description: "Rings that other instances did not hear, because Redis could not be reached",
  incremental: true
})

/** The doorbell of all instances. Within this instance it works without Redis too. A name has no line break. */
export const layer: Layer.Layer<Doorbell, never, RedisConnection> = Layer.effect(
  Doorbell,
  Effect.gen(function* () {
    const { open, run } = yield* RedisConnection
    const rings = yield* makeRings
    const waiting = yield* Queue.dropping<string>(maxWaiting)
    // Its own rings come back to an instance, and it has heard them already.
    const origin = randomUUID()
    let losing = false
    yield* Metric.update(failures, 0)

    yield* open({
      name: "doorbell",
      prepare: async (redis) => {
        redis.removeAllListeners("message").on("message", (_channel, message) => {
          const [from, ...names] = message.split("\n")
          if (from !== origin) for (const name of names) PubSub.publishUnsafe(rings, name)
        })
        await redis.subscribe(channel)
        // Whatever was rung before was not heard.
        PubSub.publishUnsafe(rings, "")
      }
    })

    const lost = Effect.fnUntraced(function* (count: number, reason: string) {
      yield* Metric.update(failures, count)
      if (losing) return
      losing = true
      yield* Effect.logWarning("Other instances do not hear this one's rings").pipe(Effect.annotateLogs({ reason }))
    })

    // What is rung while a message is under way goes into the next one, each name once.
    const tell = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
      const message = [origin, ...new Set(names)].join("\n")
      yield* run("doorbell.ring", (redis) => redis.publish(channel, message)).pipe(
        Effect.matchEffect({
          onSuccess: () =>
            Effect.sync(() => {
              losing = false
            }),
          onFailure: ({ cause }) => lost(names.length, String(cause))
        })
      )
    })
    yield* Queue.takeAll(waiting).pipe(Effect.flatMap(tell), Effect.forever, Effect.forkScoped)

    const ring = Effect.fn("RedisDoorbell.ring")(function* (name: string) {
      yield* PubSub.publish(rings, name)
      const taken = yield* Queue.offer(waiting, name)
      if (!taken) yield* lost(1, "too many rings wait for Redis")
    })

    return Doorbell.of({ ring, rings: Stream.fromPubSub(rings) })
  })
)
