import { Data, type Duration, Effect, Redacted, Stream } from "effect"
import { HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "./api/Api.ts"
import { Authentication } from "./api/Authentication.ts"
import { readFrames } from "./api/FrameReader.ts"
import type { ContinueRequest, QueryRequest } from "./api/Query.ts"
import type { RunFrame } from "./api/RunStream.ts"
import { Run, RunId, Sequence } from "./domain/Run.ts"
import type { SessionId } from "./domain/Session.ts"

/* oxlint-disable oxc/no-barrel-file -- it is the way into the package */
// The classes of all failures, and the ids that requests are made of.
export * from "./domain/errors/AgentErrors.ts"
export * from "./domain/errors/ApprovalErrors.ts"
export * from "./domain/errors/ApprovalErrors.ts"
export * from "./domain/errors/BudgetErrors.ts"
export * from "./domain/errors/CheckpointErrors.ts"
export * from "./domain/errors/HookErrors.ts"
export * from "./domain/errors/ImageErrors.ts"
export * from "./domain/errors/McpErrors.ts"
export * from "./domain/errors/MemoryErrors.ts"
export * from "./domain/errors/ModelErrors.ts"
export * from "./domain/errors/OutboundErrors.ts"
export * from "./domain/errors/RequestErrors.ts"
export * from "./domain/errors/ResourceErrors.ts"
export * from "./domain/errors/SessionErrors.ts"
export * from "./domain/errors/StorageErrors.ts"
export * from "./domain/errors/WebhookErrors.ts"
export { ApprovalId } from "./domain/Approval.ts"
export { Run, RunId, Sequence } from "./domain/Run.ts"
export { SessionId } from "./domain/Session.ts"
export { Webhook, WebhookId } from "./domain/Webhook.ts"
export { ApprovalNeededData, RunEndedData, WebhookDelivery, WebhookDeliveryId } from "./domain/WebhookDelivery.ts"

/** Where the service is and who asks. */
export interface ClientOptions {
  readonly baseUrl: string | URL
  readonly apiKey: Redacted.Redacted
  /** Pause before a stream that was cut is taken up again; a second unless given. */
  readonly reconnectDelay?: Duration.Input
  /** How often that is tried without a single new event; 10 times unless given. */
  readonly reconnectAttempts?: number
}

/** A stream ended before its run did, and could not be taken up again. */
export class StreamCut extends Data.TaggedError("StreamCut")<{
  /** The run that goes on without us; null when it was cut before it had said its id. */
  readonly run_id: RunId | null
  /** The last event that arrived. */
  readonly after: Sequence
}> {}

/** Failures of a connection, and of a service that will be there again: the run is not lost with them. */
const passing: ReadonlySet<string> = new Set(["DbUnavailable", "DbOperational", "RedisUnavailable", "ShuttingDown"])

const isPassing = (error: unknown): boolean =>
  HttpClientError.isHttpClientError(error) ||
  (error instanceof Error && "_tag" in error && typeof error._tag === "string" && passing.has(error._tag))

const authentication = (apiKey: Redacted.Redacted) =>
  HttpApiMiddleware.layerClient(Authentication, ({ next, request }) =>
    next(HttpClientRequest.setHeader(request, "x-api-key", Redacted.value(apiKey)))
  )

type Answered = readonly [unknown, HttpClientResponse.HttpClientResponse]

const responseMode = "decoded-and-response" as const

const idempotent = (key: string | undefined) => (key === undefined ? {} : { "idempotency-key": key })

/**
 * The typed client of a Causeway: `api` has a method for every endpoint, and failures are
 * the classes of the catalogue. Its streams follow a run to its end and take it up again
 * where the connection was cut.
 */
export const makeClient = Effect.fn("causeway/client")(function* ({
  apiKey,
  baseUrl,
  reconnectAttempts = 10,
  reconnectDelay = "1 second"
}: ClientOptions) {
  const api = yield* Effect.provide(HttpApiClient.make(Api, { baseUrl }), authentication(apiKey))

  const framesOf = ([, response]: Answered) => readFrames(response.stream)

  /** `over` is called when the run is over and there is nothing after the event. */
  const eventsOnce = (id: RunId, after: Sequence, over: () => void) =>
    Stream.unwrap(
      Effect.map(api.runs.events({ params: { id }, headers: {}, query: { after }, responseMode }), (answered) => {
        if (answered[1].status !== 204) return framesOf(answered)
        over()
        return Stream.empty
      })
    )

  const toTheEnd = <E, R>(
    first: (over: () => void, know: (id: RunId) => void) => Stream.Stream<RunFrame, E, R>,
    run: RunId | null,
    from: Sequence
  ) =>
    Stream.suspend(() => {
      let runId = run
      let after = from
      let isOver = false
      const over = () => {
        isOver = true
      }
      const know = (id: RunId) => {
        runId = id
      }
      const note = (frame: RunFrame) =>
        Effect.sync(() => {
          if (frame.event === "init") know(frame.data.run_id)
          // A run that waits for its turn is known before it begins.
          if (frame.event === "status" && frame.data.run_id !== undefined) know(frame.data.run_id)
          if (frame.id !== undefined) after = Sequence.make(Number(frame.id))
          if (frame.event === "done") over()
        })

      type Frames<E, R> = Stream.Stream<RunFrame, E | StreamCut | Stream.Error<ReturnType<typeof eventsOnce>>, R>

      const follow = <E, R>(frames: Stream.Stream<RunFrame, E, R>, attempt: number): Frames<E, R> => {
        const before = after
        return frames.pipe(
          Stream.tap(note),
          Stream.catchIf(
            (error) => isPassing(error) && runId !== null && attempt < reconnectAttempts,
            () => Stream.empty
          ),
          Stream.concat(
            Stream.suspend((): Frames<never, never> => {
              if (isOver) return Stream.empty
              const next = after === before ? attempt + 1 : 0
              if (runId === null || next > reconnectAttempts)
                return Stream.fail(new StreamCut({ run_id: runId, after }))
              const again = eventsOnce(runId, after, over)
              return Stream.unwrap(Effect.as(Effect.sleep(reconnectDelay), follow(again, next)))
            })
          )
        )
      }
      return follow(first(over, know), 0)
    })

  const starting = <E, R>(response: Effect.Effect<Answered, E, R>) =>
    toTheEnd(
      (over, know) =>
        Stream.unwrap(
          Effect.map(response, (answered) => {
            const [run] = answered
            if (!(run instanceof Run)) return framesOf(answered)
            know(run.id)
            return eventsOnce(run.id, run.start_seq, over)
          })
        ),
      null,
      Sequence.make(0)
    )

  return {
    /** A method for every endpoint, by its group. For streams use those below. */
    api,
    /** Starts a run on a prompt. */
    query: (payload: typeof QueryRequest.Type, idempotencyKey?: string) =>
      starting(api.query.stream({ payload, headers: idempotent(idempotencyKey), responseMode })),
    /** Starts another run in a session. */
    resume: (id: SessionId, payload: typeof ContinueRequest.Type, idempotencyKey?: string) =>
      starting(api.sessions.resume({ params: { id }, payload, headers: idempotent(idempotencyKey), responseMode })),
    /** Starts a run in a new session that begins with all of another one. */
    fork: (id: SessionId, payload: typeof ContinueRequest.Type, idempotencyKey?: string) =>
      starting(api.sessions.fork({ params: { id }, payload, headers: idempotent(idempotencyKey), responseMode })),
    /** Follows a run from after an event on. */
    events: (id: RunId, after: Sequence = Sequence.make(0)) =>
      toTheEnd((over) => eventsOnce(id, after, over), id, after)
  }
})

/** What `makeClient` makes. */
export type Client = Effect.Success<ReturnType<typeof makeClient>>
