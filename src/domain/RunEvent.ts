import { Schema } from "effect"
import { ApprovalId, Question, ToolInput } from "./Approval.ts"
import { Restore } from "./Checkpoint.ts"
import { ContentBlock, ContentDelta } from "./ContentBlock.ts"
import { Moment } from "./Moment.ts"
import { RunId, RunTotals, Sequence, Usage } from "./Run.ts"
import { PermissionMode } from "./RunOptions.ts"
import { SessionId } from "./Session.ts"

const run = { session_id: SessionId, run_id: RunId } as const

/** The agent is ready: what it runs with. First event of a run. */
export const InitData = Schema.Struct({
  ...run,
  model: Schema.String,
  permission_mode: PermissionMode,
  tools: Schema.Array(Schema.String),
  mcp_servers: Schema.Array(Schema.Struct({ name: Schema.String, status: Schema.String })),
  commands: Schema.Array(Schema.String)
})

/** A whole message. The model's come one content block at a time. */
export const MessageData = Schema.Struct({
  type: Schema.Literals(["user", "assistant", "system"]),
  content: Schema.Array(ContentBlock),
  model: Schema.NullOr(Schema.String),
  uuid: Schema.NullOr(Schema.String),
  usage: Schema.NullOr(Usage),
  /** The tool call of the subagent that wrote it; null for the main agent. */
  parent_tool_use_id: Schema.NullOr(Schema.String)
})

/** A piece of a message that is being written. A preview: the `message` event that follows is what counts. */
export const PartialData = Schema.Struct({
  type: Schema.Literals(["message_start", "content_block_start", "content_block_delta", "content_block_stop"]),
  index: Schema.Int,
  content_block: Schema.optionalKey(ContentBlock),
  delta: Schema.optionalKey(ContentDelta),
  parent_tool_use_id: Schema.NullOr(Schema.String)
})

/** A tool call that was refused because nobody had allowed it. */
export const PermissionDeniedData = Schema.Struct({
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  message: Schema.NullOr(Schema.String)
})

/** The agent asks whether it may use a tool, and waits. */
export const PermissionRequestData = Schema.Struct({
  ...run,
  approval_id: ApprovalId,
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  input: ToolInput,
  /** Why it is asked, if the agent or a hook said so. */
  reason: Schema.NullOr(Schema.String),
  /** What an answer with `scope: session` would allow. */
  rules: Schema.Array(Schema.String),
  /** Until then it can be answered; after that it is refused. */
  expires_at: Moment
})

/** The agent asks what the user wants, and waits. */
export const QuestionData = Schema.Struct({
  ...run,
  approval_id: ApprovalId,
  tool_use_id: Schema.String,
  /** The text of the first question. */
  question: Schema.String,
  questions: Schema.Array(Question),
  expires_at: Moment
})

/** A tool is still at work. */
export const ToolProgressData = Schema.Struct({
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  elapsed_seconds: Schema.Finite
})

/** How far the agent is with something that it wants to do. */
export const TodoStatus = Schema.Literals(["pending", "in_progress", "completed"])

/** Something that the agent wants to do in this run. */
export const Todo = Schema.Struct({
  id: Schema.String,
  content: Schema.String,
  status: TodoStatus,
  /** The same as something that is going on, such as `Running the tests`. */
  active_form: Schema.NullOr(Schema.String)
})
export type Todo = typeof Todo.Type

/** The agent's whole list, after it was changed. */
export const TodoData = Schema.Struct({ todos: Schema.Array(Todo) })

/** The workspace was kept as it was before the agent began, or the session was taken back to an earlier message. */
export const CheckpointData = Schema.Struct({
  action: Schema.Literals(["taken", "rewound"]),
  /** The run that the message began. */
  checkpoint_id: RunId,
  /** What was brought back; null where a checkpoint was taken. */
  restore: Schema.NullOr(Restore),
  /** Files, links and directories that were kept; null where the session was rewound. */
  files: Schema.NullOr(Schema.Int),
  bytes: Schema.NullOr(Schema.Int)
})

/** A request to the model failed and will be repeated after `delay_ms`. */
export const RetryData = Schema.Struct({
  attempt: Schema.Int,
  max_attempts: Schema.Int,
  delay_ms: Schema.Finite,
  status: Schema.NullOr(Schema.Int),
  reason: Schema.String
})

/**
 * What the agent is doing apart from messages, such as `compacting` or `model_fallback`; or what becomes of the run:
 * `queued`, `waiting`, `resumed`, `instance_stopping`; or of what was asked: `approval_allowed`, `approval_denied`,
 * `approval_expired`, with its id as the message; or `rules_changed`: something that was allowed for the session was
 * taken back.
 */
export const StatusData = Schema.Struct({
  status: Schema.String,
  message: Schema.NullOr(Schema.String),
  /** With `queued`, which may be all that a reader learns before the run begins. */
  session_id: Schema.optionalKey(SessionId),
  run_id: Schema.optionalKey(RunId)
})

/** How the run ended for the agent: its answer and what it cost. */
export const ResultData = Schema.Struct({
  ...run,
  is_error: Schema.Boolean,
  /** False when the database could not take it: keep this copy. */
  saved: Schema.Boolean,
  result: Schema.NullOr(Schema.String),
  stop_reason: Schema.NullOr(Schema.String),
  ...RunTotals.fields,
  duration_ms: Schema.Int,
  permission_denials: Schema.Array(PermissionDeniedData),
  /** What the agent gave in the form of `output_format`; there when the request asked for one. */
  structured_output: Schema.optionalKey(Schema.Json)
})
export type ResultData = typeof ResultData.Type

/** What clients should do about a failure. */
export const RetryAdvice = Schema.Literals(["retry", "after", "fix", "no"])
export type RetryAdvice = typeof RetryAdvice.Type

/** A failure as it is written in an error body and in a stream. */
export const ErrorObject = Schema.Struct({
  code: Schema.String,
  error_id: Schema.String,
  message: Schema.String,
  details: Schema.Record(Schema.String, Schema.Json),
  retry: RetryAdvice,
  request_id: Schema.NullOr(Schema.String)
})
export type ErrorObject = typeof ErrorObject.Type

/** A failure inside a stream; a fatal one ends the run. */
export const ErrorData = Schema.Struct({
  ...ErrorObject.fields,
  fatal: Schema.Boolean
})

/** Why a stream ended. */
export const DoneReason = Schema.Literals(["completed", "interrupted", "error", "waiting"])
export type DoneReason = typeof DoneReason.Type

/**
 * What became of what could be learned from a run: stored, nothing worth it, failed and to be tried again, or still
 * going on.
 */
export const DoneMemory = Schema.Literals(["saved", "none", "failed", "pending"])
export type DoneMemory = typeof DoneMemory.Type

/** The last event of a run. */
export const DoneData = Schema.Struct({
  ...run,
  reason: DoneReason,
  /** There where something is learned from the run. */
  memory: Schema.optionalKey(DoneMemory)
})

/** What a reader's cursor points to is no longer kept: what comes next is not all that came. It is not stored. */
export const ResyncData = Schema.Struct({
  /** Pieces of messages whose time is over, or all events of a run. The messages themselves are kept with `deltas_removed`. */
  reason: Schema.Literals(["deltas_removed", "events_removed"]),
  /** The number of the first event after the cursor that is still there; null when there is none. */
  first_kept: Schema.NullOr(Sequence)
})
export type ResyncData = typeof ResyncData.Type

const event = <const Name extends string, Data extends Schema.Top>(name: Name, data: Data) =>
  Schema.Struct({ event: Schema.Literal(name), data })

/**
 * Everything that happens in a run, by the names of the wire. The grammar is `init`,
 * then anything, then exactly one `result` or fatal `error`, then exactly one `done`.
 */
export const RunEvent = Schema.Union([
  event("init", InitData),
  event("message", MessageData),
  event("partial", PartialData),
  event("question", QuestionData),
  event("permission_request", PermissionRequestData),
  event("permission_denied", PermissionDeniedData),
  event("tool_progress", ToolProgressData),
  event("todo", TodoData),
  event("checkpoint", CheckpointData),
  event("retry", RetryData),
  event("status", StatusData),
  event("result", ResultData),
  event("error", ErrorData),
  event("done", DoneData)
])
export type RunEvent = typeof RunEvent.Type

/** The name of an event on the wire. */
export type RunEventName = RunEvent["event"]
