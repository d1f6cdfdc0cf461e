import { Schema, SchemaTransformation } from "effect"
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

/** Permission bits as `chmod` takes them, in four octal digits: `0644`. */
const octalMode = {
  mode: Schema.String.check(Schema.isPattern(/^[0-7]{4}$/)).pipe(
    Schema.decodeTo(
      Schema.Int,
      SchemaTransformation.transform({
        decode: (digits) => Number.parseInt(digits, 8),
        encode: (bits) => bits.toString(8).padStart(4, "0")
      })
    )
  )
} as const

/** What stands at a path. */
export const WorkspaceState = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("directory"), ...octalMode }),
  Schema.Struct({
    kind: Schema.Literal("file"),
    ...octalMode,
    /** In bytes. */
    size: Schema.Int
  }),
  Schema.Struct({
    kind: Schema.Literal("link"),
    /** Where it points, as it is written in it. */
    target: Schema.String
  })
])
export type WorkspaceState = typeof WorkspaceState.Type

/** What happened to a path since a checkpoint. */
export const WorkspaceChange = Schema.Struct({
  ...path,
  /** What is there; where nothing is, what was. */
  kind: Schema.Literals(["directory", "file", "link"]),
  change: Schema.Literals(["added", "changed", "removed"]),
  /** What was kept; null if it was not there. */
  before: Schema.NullOr(WorkspaceState),
  /** null if it is not there any more. */
  now: Schema.NullOr(WorkspaceState)
})
export type WorkspaceChange = typeof WorkspaceChange.Type

/** What happened to a path since a checkpoint, line by line. */
export const WorkspaceDifference = Schema.Struct({
  ...WorkspaceChange.fields,
  /** Of an added file: the removed one that had the same content. */
  renamed_from: Schema.NullOr(Schema.String),
  /** Of a removed file: where its content is now. The patch stands there. */
  renamed_to: Schema.NullOr(Schema.String),
  /** Text is UTF-8 without NUL, in both versions; null for what is no file or was not looked at. */
  content: Schema.NullOr(Schema.Literals(["text", "binary"])),
  /** Added lines; null where lines were not compared. */
  additions: Schema.NullOr(Schema.Int),
  /** Removed lines. */
  deletions: Schema.NullOr(Schema.Int),
  /** The patch replaces all from the first difference to the last, since finding each would have gone beyond a limit. */
  coarse: Schema.Boolean,
  /** As `git diff` writes it, for `git apply`, `patch` and viewers; null where git would write nothing, or where it was omitted. */
  patch: Schema.NullOr(Schema.String),
  /**
   * Why there is no patch: binary content, a version of more than `file_bytes`, an answer that has no room for it
   * (ask for its path), or a file that could not be read, such as while it is being changed.
   */
  patch_omitted: Schema.NullOr(Schema.Literals(["binary", "file_too_large", "answer_full", "unreadable"]))
})
export type WorkspaceDifference = typeof WorkspaceDifference.Type

/** Up to where the changes of a workspace are shown. */
export const DiffLimits = Schema.Struct({
  /** Most changes of an answer, by path. */
  changes: Schema.Int,
  /** Most bytes of a version that is compared. */
  file_bytes: Schema.Int,
  /** Most bytes of all versions that are compared for an answer. */
  compared_bytes: Schema.Int,
  /** Most bytes of all patches of an answer. */
  patch_bytes: Schema.Int,
  /** Most added and removed lines of a file that are looked for one by one. */
  edits: Schema.Int,
  /** Longest search for them, over all files of an answer. */
  milliseconds: Schema.Int
})
export type DiffLimits = typeof DiffLimits.Type

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
