import { Schema } from "effect"
import { RunId } from "../Run.ts"
import { SessionId } from "../Session.ts"
import { soFar } from "./Partial.ts"

const checkpoint = { checkpoint_id: RunId } as const

/** No such checkpoint in this session. */
export class CheckpointNotFound extends Schema.TaggedError<CheckpointNotFound>()("CheckpointNotFound", checkpoint) {
  override get message() {
    return "This session has no such checkpoint."
  }
}

const unusable = {
  no_files: "The workspace was not kept at this message: its request did not ask for it.",
  not_in_conversation: "The conversation was taken back beyond this message.",
  begins_fork: "A fork begins with this message: fork its parent again instead."
} as const

/** The checkpoint is there and cannot give what is asked of it. */
export class CheckpointUnusable extends Schema.TaggedError<CheckpointUnusable>()("CheckpointUnusable", {
  ...checkpoint,
  reason: Schema.Literals(["no_files", "not_in_conversation", "begins_fork"])
}) {
  override get message() {
    return unusable[this.reason]
  }
}

/** The session is being taken back just now. */
export class SessionRewinding extends Schema.TaggedError<SessionRewinding>()("SessionRewinding", {
  session_id: SessionId
}) {
  override get message() {
    return "This session is being rewound; try again in a moment."
  }
}

const limits = {
  files: "files and directories",
  bytes: "bytes",
  stored_bytes: "bytes of checkpoints in its session"
} as const

/** The workspace is larger than what may be kept of it. */
export class WorkspaceTooLarge extends Schema.TaggedError<WorkspaceTooLarge>()("WorkspaceTooLarge", {
  ...soFar,
  limit: Schema.Literals(["files", "bytes", "stored_bytes"]),
  allowed: Schema.Int
}) {
  override get message() {
    return `A workspace with checkpoints may have ${this.allowed} ${limits[this.limit]}.`
  }
}

/** The workspace could not be kept, so the agent was not let at it. */
export class CheckpointFailed extends Schema.TaggedError<CheckpointFailed>()("CheckpointFailed", {
  ...soFar,
  reason: Schema.Literals(["workspace", "storage"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return this.reason === "workspace"
      ? "The workspace could not be read; nothing was started."
      : "The workspace could not be stored; nothing was started."
  }
}

/** The workspace could not be brought back. */
export class RewindFailed extends Schema.TaggedError<RewindFailed>()("RewindFailed", {
  session_id: SessionId,
  /** Whether some of it was changed before that. */
  changed: Schema.Boolean,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return this.changed
      ? "The workspace could be brought back in part only. The rewind may be sent again."
      : "The workspace could not be brought back; nothing was changed."
  }
}

/** What keeps a run from starting that asked for a checkpoint. */
export type CheckpointFailure = WorkspaceTooLarge | CheckpointFailed
