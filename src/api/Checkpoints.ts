import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Checkpoint, DiffLimits, Restore, WorkspaceChange, WorkspaceDifference } from "../domain/Checkpoint.ts"
import {
  CheckpointNotFound,
  CheckpointUnusable,
  RewindFailed,
  SessionRewinding
} from "../domain/errors/CheckpointErrors.ts"
import { SessionBusy, SessionNotFound } from "../domain/errors/SessionErrors.ts"
import { RunId } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import { Authentication } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

/** A page of a session's checkpoints, oldest first. */
export const CheckpointList = Schema.Struct({ checkpoints: Schema.Array(Checkpoint), ...pageFields }).annotate({
  identifier: "CheckpointList"
})

/** What happened to the workspace since a checkpoint. */
export const CheckpointDiff = Schema.Struct({
  checkpoint_id: RunId,
  /** By path, the first thousand. */
  changes: Schema.Array(WorkspaceDifference),
  total_changes: Schema.Int,
  limits: DiffLimits
}).annotate({ identifier: "CheckpointDiff" })

/** Where to go back to. */
export const RewindRequest = Schema.Struct({
  checkpoint_id: RunId,
  /** The workspace, the conversation, or both, which is what is meant when it is absent. */
  restore: Schema.optionalKey(Restore),
  /** Says what would be done, and does nothing. */
  dry_run: Schema.optionalKey(Schema.Boolean)
}).annotate({ identifier: "RewindRequest" })

/** What was undone, or would be. */
export const Rewound = Schema.Struct({
  /** `validated` after a dry run. */
  status: Schema.Literals(["rewound", "validated"]),
  checkpoint_id: RunId,
  message: Schema.String,
  restore: Restore,
  /** By path, the first thousand. */
  changes: Schema.Array(WorkspaceChange),
  total_changes: Schema.Int
}).annotate({ identifier: "Rewound" })

const found = [problem(SessionNotFound), problem(CheckpointNotFound), problem(CheckpointUnusable)] as const

/** Checkpoints of sessions, and the way back to them. */
export class CheckpointsApi extends HttpApiGroup.make("checkpoints")
  .add(
    HttpApiEndpoint.get("list", "/sessions/:id/checkpoints", {
      params: { id: SessionId },
      query: pageParameters,
      success: CheckpointList,
      error: [problem(SessionNotFound), ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List a session's checkpoints",
        description: "One for each user message, oldest first; with files where its request asked for that."
      })
    ),
    HttpApiEndpoint.get("diff", "/sessions/:id/checkpoints/:checkpoint_id/diff", {
      params: { id: SessionId, checkpoint_id: RunId },
      query: {
        /** Only the change of this path, written as in `changes`, and of what is below it. */
        path: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(4096)))
      },
      success: CheckpointDiff,
      error: [...found, problem(RewindFailed), ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Compare the workspace with a checkpoint",
        description:
          "What changed since: what stood at each path and what stands there now, and for text and links a patch as `git diff` writes it, which `git apply` and `patch -p1` take. Nothing is cut: `limits` says up to where lines are compared, and `patch_omitted` why a change has no patch. What one answer has no room for can be asked for by its `path`."
      })
    ),
    HttpApiEndpoint.post("rewind", "/sessions/:id/rewind", {
      params: { id: SessionId },
      payload: RewindRequest,
      success: Rewound,
      error: [
        ...found,
        problem(SessionBusy),
        problem(SessionRewinding),
        problem(RewindFailed),
        ...readProblems,
        ...writeProblems
      ]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Take a session back to a checkpoint",
        description:
          "To right before the agent saw that message: the workspace, the conversation, or both. Git's own records are left alone. A run of the session must not be going on."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "Checkpoints", description: "Workspaces and conversations as they were." })
  ) {}
