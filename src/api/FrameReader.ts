import { Effect, Schema, Stream } from "effect"
import { Sse } from "effect/encoding"
import { RunFrame } from "./RunStream.ts"

const decodeFrame = Schema.decodeUnknownEffect(RunFrame)

/** Names that a newer server may send are passed over. */
const isKnown = (name: string): boolean => RunFrame.members.some(({ fields }) => fields.event.literal === name)

const decodeEvent = ({ data, event, id }: Sse.Event) =>
  decodeFrame({ event, data, ...(id === undefined ? {} : { id }) })

/**
 * Reads a run's stream. It understands what Effect's own reader takes for an end: `retry:`,
 * and next to it comments and frames that only set the cursor.
 */
export const readFrames = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<RunFrame, E | Sse.SseError | Schema.SchemaError, R> =>
  Stream.suspend(() => {
    let parsed: Array<Sse.Event> = []
    const parser = Sse.makeParser((event) => {
      if (event._tag === "Event" && isKnown(event.event)) parsed.push(event)
    })
    const feed = Effect.fnUntraced(function* (text: string) {
      const error = parser.feed(text)
      if (error !== undefined) return yield* error
      const events = parsed
      parsed = []
      return yield* Effect.forEach(events, decodeEvent)
    })
    return bytes.pipe(Stream.decodeText, Stream.mapEffect(feed), Stream.flattenIterable)
  })
