import { Effect, Layer, PubSub, Stream } from "effect"
import { Doorbell } from "./Doorbell.ts"

// A listener that falls further behind misses rings, which it may; it must not hold memory.
const capacity = 4096

/** What the listeners of this process hear. */
export const makeRings: Effect.Effect<PubSub.PubSub<string>> = PubSub.sliding<string>(capacity)

/** A doorbell within this process, for an installation of one instance. */
export const layer: Layer.Layer<Doorbell> = Layer.effect(
  Doorbell,
  Effect.gen(function* () {
    const rings = yield* makeRings
    const ring = Effect.fn("MemoryDoorbell.ring")((name: string) => Effect.asVoid(PubSub.publish(rings, name)))
    return Doorbell.of({ ring, rings: Stream.fromPubSub(rings) })
  })
)
