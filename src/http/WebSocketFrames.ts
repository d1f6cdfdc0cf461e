import { Effect, Schema } from "effect"
import { type AckFrame, type ClientFrame, clientFrames, type EndFrame, type ErrorFrame } from "../api/WebSocket.ts"
import { type DatetimeParse, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { ErrorObject } from "../domain/RunEvent.ts"
import type { SessionId } from "../domain/Session.ts"
import type { Frame } from "../services/Frame.ts"
import { instanceStopping } from "../services/UnstoredFrames.ts"
import { bodyIssue } from "./BodyText.ts"
import { invalidFrame } from "./InvalidRequest.ts"
import { jsonErrorPosition } from "./JsonSyntax.ts"
import { requestIdOf } from "./RequestId.ts"

const encoder = new TextEncoder()
const options = { errors: "all", onExcessProperty: "error" } as const

const decoders = {
  prompt: Schema.decodeUnknownEffect(clientFrames.prompt, options),
  interrupt: Schema.decodeUnknownEffect(clientFrames.interrupt, options),
  answer: Schema.decodeUnknownEffect(clientFrames.answer, options),
  control: Schema.decodeUnknownEffect(clientFrames.control, options),
  subscribe: Schema.decodeUnknownEffect(clientFrames.subscribe, options),
  unsubscribe: Schema.decodeUnknownEffect(clientFrames.unsubscribe, options)
} as const satisfies Record<keyof typeof clientFrames, unknown>

/** The types of frames that a client may send. */
export const frameTypes = Object.keys(clientFrames)

const isType = (type: unknown): type is keyof typeof decoders =>
  typeof type === "string" && Object.hasOwn(decoders, type)

const misfit = (message: string, path = "frame") => new ValidationFailed({ issues: [{ path, message }] })

const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

/** A frame as it came. */
export interface ReceivedFrame {
  /** The client's own if it gave a good one. */
  readonly requestId: string
  readonly type: keyof typeof decoders | undefined
  readonly decoded: Effect.Effect<ClientFrame, ValidationFailed | DatetimeParse>
}

const decode = (type: keyof typeof decoders, members: unknown): Effect.Effect<ClientFrame, Schema.SchemaError> =>
  decoders[type](members)

/** Reads the text of a frame. Whatever it is, there is an id under which to speak of it. */
export const readFrame = Effect.fnUntraced(function* (text: string): Effect.fn.Return<ReceivedFrame> {
  const refused = (failure: ValidationFailed, id?: unknown): ReceivedFrame => ({
    requestId: requestIdOf(typeof id === "string" ? id : undefined),
    type: undefined,
    decoded: Effect.fail(failure)
  })
  const issue = bodyIssue(text, () => encoder.encode(text))
  if (issue !== undefined) return refused(misfit(issue.message))
  const members = yield* decodeJson(text).pipe(Effect.catch(() => Effect.succeed(null)))
  if (members === null) {
    const position = jsonErrorPosition(text)
    const place = position === undefined ? "" : ` at line ${position.line}, column ${position.column}`
    return refused(misfit(position === undefined ? "is not a JSON object" : `is not JSON${place}`))
  }
  const { request_id, type } = members
  if (!isType(type)) return refused(misfit(`is none of ${frameTypes.join(", ")}`, "frame.type"), request_id)
  return {
    requestId: requestIdOf(typeof request_id === "string" ? request_id : undefined),
    type,
    decoded: decode(type, members).pipe(Effect.catch(({ issue }) => Effect.flatMap(invalidFrame(issue), Effect.fail)))
  }
})

const texts = new WeakMap<Frame, string>()

/** An event of the log as a frame; made once for all its readers. */
export const eventText = (session_id: SessionId, frame: Frame): string => {
  const known = texts.get(frame)
  if (known !== undefined) return known
  const id = frame.seq === null ? "" : `,"id":${frame.seq}`
  const ids = `"session_id":"${session_id}","run_id":${JSON.stringify(frame.run_id)}`
  const text = `{"type":"sse_event","event":"${frame.event}"${id},${ids},"data":${frame.data}}`
  texts.set(frame, text)
  return text
}

/** Says that a frame of the client was taken. */
export const ackText = (ack: Omit<AckFrame, "type">): string =>
  JSON.stringify({ type: "ack", ...ack } satisfies AckFrame)

/** Says that a frame of the client was not taken. */
export const errorText = (error: ErrorObject): string =>
  JSON.stringify({ type: "error", message: error.message, error } satisfies ErrorFrame)

/** Says that what was followed is at its end. */
export const endText = (end: Omit<EndFrame, "type">): string =>
  JSON.stringify({ type: "end", ...end } satisfies EndFrame)

/** What is said last to a client that follows nothing when the instance stops. */
export const stoppingText: string = JSON.stringify({
  type: "sse_event",
  event: "status",
  session_id: null,
  run_id: null,
  data: { status: instanceStopping, message: "This instance stops. Connect again." }
})
