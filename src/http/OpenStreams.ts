import { NodeHttpServerRequest } from "@effect/platform-node"
import { Context, type Duration, Effect, Layer, Metric, Schedule, type Scope } from "effect"
import { HttpServerRequest } from "effect/http"

const keepAlive = ": keep-alive\n\n"

const streams = Metric.gauge("http_open_streams", { description: "Event streams with a reader" })

/** What is needed of an answer that is being written. */
interface Writable {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
  write(chunk: string): boolean
}

/**
 * The event streams that are open. One timer writes the keep-alive comments of all of them:
 * a timer and a fiber per stream would be most of what an idle stream costs.
 */
export class OpenStreams extends Context.Service<
  OpenStreams,
  {
    /** Keeps the connection of the current request alive until its scope ends. */
    readonly add: Effect.Effect<void, never, HttpServerRequest.HttpServerRequest | Scope.Scope>
  }
>()("causeway/http/OpenStreams") {
  static readonly layer = (interval: Duration.Input): Layer.Layer<OpenStreams> =>
    Layer.effect(
      OpenStreams,
      Effect.gen(function* () {
        const open = new Set<Writable>()
        const count = Effect.suspend(() => Metric.update(streams, open.size))
        yield* count

        // A frame is always written whole, so that a comment falls between two of them. A reader
        // that is behind needs none.
        const writeAll = Effect.sync(() => {
          for (const answer of open) {
            if (answer.headersSent && !answer.writableEnded && !answer.writableNeedDrain) answer.write(keepAlive)
          }
        })
        yield* Effect.forkScoped(Effect.schedule(writeAll, Schedule.spaced(interval)))

        return {
          add: Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
            const answer = NodeHttpServerRequest.toServerResponse(request)
            return Effect.acquireRelease(
              Effect.andThen(
                Effect.sync(() => open.add(answer)),
                count
              ),
              () =>
                Effect.andThen(
                  Effect.sync(() => open.delete(answer)),
                  count
                )
            )
          })
        }
      })
    )
}
