import { NodeHttpServerRequest } from "@effect/platform-node"
import { Clock, Context, type Duration, Effect, Layer, Metric, Schedule, type Scope } from "effect"
import { HttpServerRequest } from "effect/http"
import { CurrentRecord, type RequestRecord } from "./RequestRecord.ts"

const keepAlive = ": keep-alive\n\n"

const streams = Metric.gauge("http_open_streams", { description: "Event streams with a reader" })

const stalled = Metric.counter("http_stalled_streams_total", {
  description: "Event streams that were cut because their reader took nothing",
  incremental: true
})

/** What is needed of an answer that is being written. */
interface Writable {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
  /** Bytes that the connection has not taken of those that were written. */
  readonly writableLength: number
  readonly socket: { readonly bytesWritten: number } | null
  write(chunk: string): boolean
  destroy(): unknown
}

interface OpenStream {
  readonly answer: Writable
  readonly record: RequestRecord
  /** When its connection was last seen to take something, and how many bytes it had taken by then. */
  since: number
  taken: number
}

/** How open streams are looked after. */
export interface StreamCare {
  /** Between two keep-alive comments. */
  readonly keepAlive: Duration.Input
  /** Milliseconds for which a reader may take nothing while there is something to take. */
  readonly stallTimeout: number
}

/**
 * The event streams that are open. One timer writes the keep-alive comments of all of them, and one finds
 * those whose readers have stalled: a timer and a fiber per stream would be most of what an idle stream costs.
 */
export class OpenStreams extends Context.Service<
  OpenStreams,
  {
    /** Looks after the connection of the current request until its scope ends. */
    readonly add: Effect.Effect<void, never, HttpServerRequest.HttpServerRequest | Scope.Scope>
  }
>()("causeway/http/OpenStreams") {
  static readonly layer = (care: StreamCare): Layer.Layer<OpenStreams> =>
    Layer.effect(
      OpenStreams,
      Effect.gen(function* () {
        const open = new Set<OpenStream>()
        const count = Effect.suspend(() => Metric.update(streams, open.size))
        yield* count
        yield* Metric.value(stalled)

        // A frame is always written whole, so that a comment falls between two of them. A reader
        // that is behind needs none.
        const writeAll = Effect.sync(() => {
          for (const { answer } of open) {
            if (answer.headersSent && !answer.writableEnded && !answer.writableNeedDrain) answer.write(keepAlive)
          }
        })
        yield* Effect.forkScoped(Effect.schedule(writeAll, Schedule.spaced(care.keepAlive)))

        // The log keeps what a reader did not take, so it loses nothing but its connection.
        const drop = Effect.fnUntraced(function* ({ answer, record }: OpenStream) {
          answer.destroy()
          yield* Metric.update(stalled, 1)
          yield* Effect.logWarning("A stream was cut: its reader takes nothing").pipe(
            Effect.annotateLogs({ ...record.logAnnotations, ...record.known })
          )
        })
        const dropStalled = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          for (const stream of open) {
            const { socket, writableLength, writableNeedDrain } = stream.answer
            const taken = (socket?.bytesWritten ?? 0) - writableLength
            if (!writableNeedDrain || taken !== stream.taken) {
              stream.since = now
              stream.taken = taken
            } else if (now - stream.since >= care.stallTimeout) {
              open.delete(stream)
              yield* drop(stream)
            }
          }
        })
        yield* Effect.forkScoped(Effect.schedule(dropStalled, Schedule.spaced(Math.min(care.stallTimeout / 4, 5000))))

        return {
          add: Effect.gen(function* () {
            const answer = NodeHttpServerRequest.toServerResponse(yield* HttpServerRequest.HttpServerRequest)
            const stream: OpenStream = {
              answer,
              record: yield* CurrentRecord,
              since: yield* Clock.currentTimeMillis,
              taken: 0
            }
            yield* Effect.acquireRelease(
              Effect.andThen(
                Effect.sync(() => open.add(stream)),
                count
              ),
              () =>
                Effect.andThen(
                  Effect.sync(() => open.delete(stream)),
                  count
                )
            )
          })
        }
      })
    )
}
