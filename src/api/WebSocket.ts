import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { OriginRefused, ShuttingDown, TooManyStreams, UpgradeRequired } from "../domain/errors/RequestErrors.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { RunChange } from "../domain/RunChange.ts"
import { ErrorObject } from "../domain/RunEvent.ts"
import { SessionId } from "../domain/Session.ts"
import { oneAnswer, sessionAnswerFields } from "./Approvals.ts"
import { AcceptsTicket, Authentication } from "./Authentication.ts"
import { problem } from "./Problem.ts"
import { consistentTools, IdempotencyKey, onlyOfNewSessions, queryFields } from "./Query.ts"

/** What each frame of a client may have: an id for the log and for telling which reply is its. */
const envelope = {
  request_id: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._-]{1,128}$/)))
} as const

/** The session that a frame means; the connection's last one when absent. */
const inSession = { session_id: Schema.optionalKey(SessionId) } as const

/** Starts a run, as `POST /api/v1/query` does, and follows it. */
export const PromptFrame = Schema.Struct({
  type: Schema.Literal("prompt"),
  ...envelope,
  idempotency_key: Schema.optionalKey(IdempotencyKey),
  ...queryFields
}).check(consistentTools, onlyOfNewSessions)
export type PromptFrame = typeof PromptFrame.Type

/** Interrupts the live run of a session. */
export const InterruptFrame = Schema.Struct({ type: Schema.Literal("interrupt"), ...envelope, ...inSession })

const someChange = Schema.makeFilter(({ model, permission_mode }: RunChange) =>
  model === undefined && permission_mode === undefined
    ? [{ path: ["permission_mode"], issue: "or model is missing: something must change" }]
    : []
)

/** Answers what a session asks, as `POST /api/v1/sessions/{id}/answer` does. */
export const AnswerFrame = Schema.Struct({
  type: Schema.Literal("answer"),
  ...envelope,
  ...inSession,
  ...sessionAnswerFields
}).check(oneAnswer)

/** Changes the live run of a session. */
export const ControlFrame = Schema.Struct({
  type: Schema.Literal("control"),
  ...envelope,
  ...inSession,
  ...RunChange.fields
}).check(someChange)

const oneSubject = Schema.makeFilter((frame: { readonly session_id?: SessionId; readonly run_id?: RunId }) =>
  (frame.session_id === undefined) === (frame.run_id === undefined)
    ? [{ path: ["session_id"], issue: "or run_id, and not both, says what is meant" }]
    : []
)

const subject = { session_id: Schema.optionalKey(SessionId), run_id: Schema.optionalKey(RunId) } as const

/** Follows a run, or a session over its runs, after an event; from the beginning when `after` is absent. */
export const SubscribeFrame = Schema.Struct({
  type: Schema.Literal("subscribe"),
  ...envelope,
  ...subject,
  after: Schema.optionalKey(Sequence)
}).check(oneSubject)

/** Stops following. The run goes on as if its reader had left. */
export const UnsubscribeFrame = Schema.Struct({ type: Schema.Literal("unsubscribe"), ...envelope, ...subject }).check(
  oneSubject
)

/** What a client may send, by its `type`; each as JSON in a text frame. */
export const clientFrames = {
  prompt: PromptFrame,
  interrupt: InterruptFrame,
  answer: AnswerFrame,
  control: ControlFrame,
  subscribe: SubscribeFrame,
  unsubscribe: UnsubscribeFrame
} as const
export type ClientFrame = (typeof clientFrames)[keyof typeof clientFrames]["Type"]

/** An event of a run: the same name and data as in the stream of server-sent events. */
export const EventFrame = Schema.Struct({
  type: Schema.Literal("sse_event"),
  event: Schema.String,
  /** The event's number in its session; absent for what is not stored. */
  id: Schema.optionalKey(Sequence),
  session_id: Schema.NullOr(SessionId),
  run_id: Schema.NullOr(RunId),
  data: Schema.Json
})

/** A frame of the client was taken. */
export const AckFrame = Schema.Struct({
  type: Schema.Literal("ack"),
  message: Schema.String,
  request_id: Schema.String,
  session_id: SessionId,
  run_id: Schema.NullOr(RunId),
  /** The number before the first event that will come; null when none will. */
  after: Schema.NullOr(Sequence)
})
export type AckFrame = typeof AckFrame.Type

/** A frame of the client was not taken; `error.request_id` says which. */
export const ErrorFrame = Schema.Struct({
  type: Schema.Literal("error"),
  message: Schema.String,
  error: ErrorObject
})
export type ErrorFrame = typeof ErrorFrame.Type

/** What was followed is at its end, as where a stream of server-sent events ends. */
export const EndFrame = Schema.Struct({
  type: Schema.Literal("end"),
  session_id: SessionId,
  /** Null where a session was followed. */
  run_id: Schema.NullOr(RunId),
  /** The cursor: the number of the last event that came. */
  after: Sequence
})
export type EndFrame = typeof EndFrame.Type

/** What the service sends; each as JSON in a text frame. */
export const ServerFrame = Schema.Union([EventFrame, AckFrame, ErrorFrame, EndFrame])
export type ServerFrame = typeof ServerFrame.Type

/** Runs over one connection: prompts, interrupts and any number of streams. */
export class WebSocketApi extends HttpApiGroup.make("webSocket")
  .add(
    HttpApiEndpoint.get("connect", "/query/ws", {
      query: { ticket: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))) },
      success: HttpApiSchema.Empty(101),
      error: [problem(UpgradeRequired), problem(OriginRefused), problem(TooManyStreams), problem(ShuttingDown)]
    })
      .annotate(AcceptsTicket, true)
      .annotateMerge(
        OpenApi.annotations({
          summary: "Open a WebSocket",
          description:
            "For clients of RFC 6455, with the key in a header or a ticket in the query. Frames are JSON with a `type`: `prompt`, `interrupt`, `answer`, `control`, `subscribe` and `unsubscribe` from the client; `sse_event`, `ack`, `error` and `end` from the service."
        })
      )
  )
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "WebSocket", description: "Prompts, interrupts and streams over one connection." })
  ) {}
