import { Schema } from "effect"
import { RunId } from "../Run.ts"
import { soFar } from "./Partial.ts"

const cause = { cause: Schema.optionalKey(Schema.Defect()) } as const

/** The Claude Agent SDK or its binary is not installed. */
export class SdkMissing extends Schema.TaggedError<SdkMissing>()("SdkMissing", { ...soFar, ...cause }) {
  override get message() {
    return "The Claude Agent SDK is not installed on the server."
  }
}

/** The agent's binary is there and cannot be run. */
export class AgentNotExecutable extends Schema.TaggedError<AgentNotExecutable>()("AgentNotExecutable", {
  ...soFar,
  ...cause
}) {
  override get message() {
    return "The agent's program cannot be executed on the server."
  }
}

/** The working directory went away between the check and the start. */
export class WorkspaceMissing extends Schema.TaggedError<WorkspaceMissing>()("WorkspaceMissing", {
  ...soFar,
  ...cause
}) {
  override get message() {
    return "The working directory does not exist."
  }
}

/** The agent did not get ready in time. */
export class AgentStartTimedOut extends Schema.TaggedError<AgentStartTimedOut>()("AgentStartTimedOut", {
  ...soFar,
  limit_ms: Schema.Int
}) {
  override get message() {
    return `The agent was not ready after ${this.limit_ms} ms.`
  }
}

/** The agent's process refused to start with what it was given. */
export class AgentStartFailed extends Schema.TaggedError<AgentStartFailed>()("AgentStartFailed", {
  ...soFar,
  reason: Schema.String,
  ...cause
}) {
  override get message() {
    return "The agent could not be started."
  }
}

/** The agent cannot ask a model for an answer in the form of this schema. */
export class OutputFormatRefused extends Schema.TaggedError<OutputFormatRefused>()("OutputFormatRefused", {
  ...soFar,
  issue: Schema.String
}) {
  override get message() {
    return `output_format.schema is not a valid JSON Schema: ${this.issue}`
  }
}

/** The agent's process was killed from outside. */
export class AgentKilled extends Schema.TaggedError<AgentKilled>()("AgentKilled", {
  ...soFar,
  signal: Schema.String
}) {
  override get message() {
    return "The agent's process was killed."
  }
}

/** The agent's process ended by itself before its turn did. */
export class AgentExited extends Schema.TaggedError<AgentExited>()("AgentExited", {
  ...soFar,
  exit_code: Schema.NullOr(Schema.Int),
  ...cause
}) {
  override get message() {
    return "The agent's process ended unexpectedly."
  }
}

/** The agent's process needed more memory than there is. */
export class AgentOutOfMemory extends Schema.TaggedError<AgentOutOfMemory>()("AgentOutOfMemory", soFar) {
  override get message() {
    return "The agent's process ran out of memory."
  }
}

/** The agent's process wrote what the SDK cannot read. */
export class AgentProtocolBroken extends Schema.TaggedError<AgentProtocolBroken>()("AgentProtocolBroken", {
  ...soFar,
  ...cause
}) {
  override get message() {
    return "The agent's process wrote something unreadable."
  }
}

/** The process's init message does not decode. */
export class InitParseFailed extends Schema.TaggedError<InitParseFailed>()("InitParseFailed", { ...soFar, ...cause }) {
  override get message() {
    return "The agent's init message could not be read."
  }
}

/** The result message does not decode: what the run cost is unknown. */
export class ResultParseFailed extends Schema.TaggedError<ResultParseFailed>()("ResultParseFailed", {
  ...soFar,
  ...cause
}) {
  override get message() {
    return "The agent's result could not be read; its cost is unknown."
  }
}

/** Something that must be a UUID is none. */
export class UuidTypeError extends Schema.TaggedError<UuidTypeError>()("UuidTypeError", {
  ...soFar,
  field: Schema.String,
  ...cause
}) {
  override get message() {
    return "Something unexpected happened; the operator finds it in the log under this request_id."
  }
}

/** A part of the conversation could not be stored. The run goes on; a later run may miss that part. */
export class TranscriptNotStored extends Schema.TaggedError<TranscriptNotStored>()("TranscriptNotStored", cause) {
  override get message() {
    return "A part of the conversation could not be stored."
  }
}

/** The stored conversation could not be read, so that the agent cannot go on from it. */
export class TranscriptUnreadable extends Schema.TaggedError<TranscriptUnreadable>()("TranscriptUnreadable", {
  ...soFar,
  ...cause
}) {
  override get message() {
    return "The stored conversation could not be read."
  }
}

/** The session has no stored conversation to go on from. */
export class TranscriptMissing extends Schema.TaggedError<TranscriptMissing>()("TranscriptMissing", soFar) {
  override get message() {
    return "This session has no stored conversation to go on from."
  }
}

/** The run took longer than it may. */
export class RunTimedOut extends Schema.TaggedError<RunTimedOut>()("RunTimedOut", {
  ...soFar,
  limit_ms: Schema.Int
}) {
  override get message() {
    return `The run was stopped after ${this.limit_ms} ms.`
  }
}

/** The run's instance died. Whether a tool call that was under way took effect is unknown. */
export class RunLost extends Schema.TaggedError<RunLost>()("RunLost", {
  ...soFar,
  run_id: RunId,
  /** The tool call that was under way, if any. */
  pending_tool_use_id: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return "The instance that ran this died."
  }
}

/** The run was interrupted, so that there is no whole answer. */
export class RunInterrupted extends Schema.TaggedError<RunInterrupted>()("RunInterrupted", {
  ...soFar,
  run_id: RunId
}) {
  override get message() {
    return "The run was interrupted."
  }
}

/** What any agent process can fail with. */
export type AgentProcessFailure =
  | SdkMissing
  | AgentNotExecutable
  | WorkspaceMissing
  | AgentStartTimedOut
  | AgentStartFailed
  | OutputFormatRefused
  | AgentKilled
  | AgentExited
  | AgentOutOfMemory
  | AgentProtocolBroken
  | InitParseFailed
  | UuidTypeError
  | TranscriptUnreadable
  | TranscriptMissing
