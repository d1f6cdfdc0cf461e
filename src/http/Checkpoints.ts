import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { Restore, WorkspaceChange } from "../domain/Checkpoint.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Checkpoints } from "../services/Checkpoints.ts"
import { diffLimits } from "../services/WorkspaceDiff.ts"
import { checkpointPosition, checkpointsEnd } from "./Cursors.ts"

const listed = (changes: ReadonlyArray<WorkspaceChange>) => ({
  changes: changes.slice(0, diffLimits.changes),
  total_changes: changes.length
})

const messages = {
  files: "The workspace is as it was.",
  conversation: "The conversation is as it was.",
  both: "The workspace and the conversation are as they were."
} as const satisfies Record<Restore, string>

/** Answers the endpoints of checkpoints. */
export const CheckpointsHandlers = HttpApiBuilder.group(
  Api,
  "checkpoints",
  Effect.fn(function* (handlers) {
    const checkpoints = yield* Checkpoints
    return handlers
      .handle(
        "list",
        Effect.fn("checkpoints.list")(function* ({ params, query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* checkpointPosition(cursor)
          const page = yield* checkpoints.list(yield* CurrentPrincipal, params.id, position, page_size)
          return { checkpoints: page.checkpoints, ...checkpointsEnd(page.next) }
        })
      )
      .handle(
        "diff",
        Effect.fn("checkpoints.diff")(function* ({ params: { checkpoint_id, id }, query }) {
          const diff = yield* checkpoints.diff(yield* CurrentPrincipal, id, checkpoint_id, query.path)
          return { checkpoint_id, ...diff, limits: diffLimits }
        })
      )
      .handle(
        "rewind",
        Effect.fn("checkpoints.rewind")(function* ({ params, payload }) {
          const { checkpoint_id, dry_run = false, restore = "both" } = payload
          const request = { checkpoint_id, dry_run, restore }
          const changes = listed(yield* checkpoints.rewind(yield* CurrentPrincipal, params.id, request))
          return dry_run
            ? { status: "validated", checkpoint_id, message: "Nothing was changed.", restore, ...changes }
            : { status: "rewound", checkpoint_id, message: messages[restore], restore, ...changes }
        })
      )
  })
)
