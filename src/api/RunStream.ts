import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Sequence } from "../domain/Run.ts"
import {
  CheckpointData,
  DoneData,
  ErrorData,
  InitData,
  MessageData,
  PartialData,
  PermissionDeniedData,
  ResultData,
  ResyncData,
  RetryData,
  StatusData,
  TodoData,
  ToolProgressData
} from "../domain/RunEvent.ts"

const frame = <const Name extends string, Data extends Schema.Top>(name: Name, data: Data) =>
  Schema.Struct({
    /** The event's sequence number in its session; send it as `Last-Event-ID` to go on after it. */
    id: Schema.optionalKey(Schema.String),
    event: Schema.Literal(name),
    data: Schema.fromJsonString(data)
  }).annotate({ identifier: `event_${name}`, description: `The event ${name}; its data is JSON in one line.` })

/** The frames of a run's stream, in the order `init`, anything, `result` or a fatal `error`, `done`. */
export const RunFrame = Schema.Union([
  frame("init", InitData),
  frame("message", MessageData),
  frame("partial", PartialData),
  frame("permission_denied", PermissionDeniedData),
  frame("tool_progress", ToolProgressData),
  frame("todo", TodoData),
  frame("checkpoint", CheckpointData),
  frame("retry", RetryData),
  frame("status", StatusData),
  frame("result", ResultData),
  frame("error", ErrorData),
  frame("done", DoneData),
  frame("resync", ResyncData)
])
export type RunFrame = typeof RunFrame.Type

/** Where a reader goes on. A browser's EventSource sends `Last-Event-ID` by itself; it goes before `after`. */
export const cursorHeaders = { "last-event-id": Schema.optionalKey(Sequence) } as const
export const cursorQuery = { after: Schema.optionalKey(Sequence) } as const

/** A run's events as server-sent events. */
export const RunStream = HttpApiSchema.StreamSse({ events: RunFrame })
