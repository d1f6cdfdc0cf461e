import { Schema } from "effect"
import { Moment } from "./Moment.ts"
import { RunId } from "./Run.ts"
import { SessionId } from "./Session.ts"

/** Path inside the workspace, with `/` between its parts. */
const path = { path: Schema.String } as const

/** Permission bits, as in `chmod`. */
const mode = { mode: Schema.Int } as const

/** Something in a workspace. A file's content is named by the SHA-256 of its parts, of a mebibyte each. */
export const WorkspaceEntry = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("directory"), ...path, ...mode }),
  Schema.Struct({
    kind: Schema.Literal("file"),
    ...path,
    ...mode,
    size: Schema.Int,
    parts: Schema.Array(Schema.String)
  }),
  Schema.Struct({ kind: Schema.Literal("link"), ...path, target: Schema.String })
])
export type WorkspaceEntry = typeof WorkspaceEntry.Type

/** All that is in a workspace, by path: a directory stands before what is in it. */
export const Manifest = Schema.Array(WorkspaceEntry)
export type Manifest = typeof Manifest.Type

/** What happened to a path since a checkpoint. */
export const WorkspaceChange = Schema.Struct({
  ...path,
  kind: Schema.Literals(["directory", "file", "link"]),
  change: Schema.Literals(["added", "changed", "removed"])
})
export type WorkspaceChange = typeof WorkspaceChange.Type

/** What a rewind brings back. */
export const Restore = Schema.Literals(["files", "conversation", "both"])
export type Restore = typeof Restore.Type

/** A user message to which its session can go back: as it was right before the agent saw the message. */
export class Checkpoint extends Schema.Class<Checkpoint>("Checkpoint")({
  /** That of the run which the message began. */
  id: RunId,
  session_id: SessionId,
  /** The `uuid` of the message event. */
  user_message_uuid: Schema.String,
  /** The beginning of the message. */
  prompt_preview: Schema.String,
  created_at: Moment,
  /** False once the conversation was taken back to this message or an earlier one. */
  in_conversation: Schema.Boolean,
  /** Files, links and directories that were kept; null when the request did not ask for it. */
  files: Schema.NullOr(Schema.Int),
  /** Their bytes. */
  bytes: Schema.NullOr(Schema.Int),
  /** Paths that had changed since the checkpoint before, the first hundred. */
  files_modified: Schema.Array(Schema.String)
}) {}
