import { Effect, Layer, Schema } from "effect"
import { identifyVolume } from "../agent/WorkspaceVolume.ts"
import { Settings } from "../domain/Settings.ts"
import { WorkspaceVolumeRepository } from "../storage/WorkspaceVolumeRepository.ts"

/** A workspace root of this instance is not the volume that the others have there. */
export class WorkspaceNotShared extends Schema.TaggedError<WorkspaceNotShared>()("WorkspaceNotShared", {
  root: Schema.String
}) {
  override get message() {
    return (
      `WORKSPACE_ROOTS: ${this.root} is not the volume that the other instances have there. ` +
      `If it has replaced theirs, delete its row of the table workspace_volumes.`
    )
  }
}

/**
 * Built once every workspace root is known to be the volume that all instances of this database
 * share: a session that goes on elsewhere must find its files. The proof is a marker in the root,
 * whose first id the database keeps.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { workspaceRoots } = yield* Settings
    const volumes = yield* WorkspaceVolumeRepository
    for (const root of workspaceRoots) {
      const found = yield* identifyVolume(root)
      const shared = yield* volumes.claim(root, found)
      if (shared !== found) return yield* new WorkspaceNotShared({ root })
    }
  })
)
