import { randomUUID } from "node:crypto"
import { Effect, Layer, Metric, Option, PubSub, Semaphore, Stream } from "effect"
import { Doorbell } from "./Doorbell.ts"
import { makeRings } from "./MemoryDoorbell.ts"
import { RedisConnection } from "./RedisConnection.ts"

const channel = "causeway:doorbell"

// Rings that Redis has not yet acknowledged. More of them are dropped: a frozen Redis must not grow the heap.
const maxUnacknowledged = 10_000

const failures = Metric.counter("doorbell_failures_total", {
  description: "Rings that other instances did not hear, because Redis could not be reached",
  incremental: true
})

/** The doorbell of all instances. Within this instance it works without Redis too. */
export const layer: Layer.Layer<Doorbell, never, RedisConnection> = Layer.effect(
  Doorbell,
  Effect.gen(function* () {
    const { open, run } = yield* RedisConnection
    const rings = yield* makeRings
    const scope = yield* Effect.scope
    const room = yield* Semaphore.make(maxUnacknowledged)
    // Its own rings come back to an instance, and it has heard them already.
    const origin = `${randomUUID()} `
    let losing = false
    yield* Metric.update(failures, 0)

    yield* open({
      name: "doorbell",
      prepare: async (redis) => {
        redis.removeAllListeners("message").on("message", (_channel, message) => {
          if (!message.startsWith(origin)) PubSub.publishUnsafe(rings, message.slice(message.indexOf(" ") + 1))
        })
        await redis.subscribe(channel)
        // Whatever was rung before was not heard.
        PubSub.publishUnsafe(rings, "")
      }
    })

    const lost = Effect.fnUntraced(function* (reason: string) {
      yield* Metric.update(failures, 1)
      if (losing) return
      losing = true
      yield* Effect.logWarning("Other instances do not hear this one's rings").pipe(Effect.annotateLogs({ reason }))
    })

    const tell = Effect.fnUntraced(
      function* (name: string) {
        const told = yield* room.withPermitsIfAvailable(1)(
          run("doorbell.ring", (redis) => redis.publish(channel, origin + name))
        )
        if (Option.isNone(told)) return yield* lost("too many rings are unanswered")
        losing = false
      },
      Effect.catchTag("RedisUnavailable", ({ cause }) => lost(String(cause)))
    )

    const ring = Effect.fn("RedisDoorbell.ring")(function* (name: string) {
      yield* PubSub.publish(rings, name)
      // Not awaited: who rings has something better to do than to wait for Redis.
      yield* Effect.forkIn(tell(name), scope, { startImmediately: true })
    })

    return Doorbell.of({ ring, rings: Stream.fromPubSub(rings) })
  })
)
