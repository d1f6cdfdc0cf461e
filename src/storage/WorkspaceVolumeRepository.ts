import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { storable } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

const Volume = Schema.Struct({ volume_id: Schema.String.check(Schema.isUUID()) })

/** Which volume all instances find at a workspace root. */
export class WorkspaceVolumeRepository extends Context.Service<
  WorkspaceVolumeRepository,
  {
    /** The id of the volume at a root: the first that was ever claimed, be it this one or another. */
    claim(root: string, volumeId: string): Effect.Effect<string, DatabaseFailure>
  }
>()("causeway/storage/WorkspaceVolumeRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    WorkspaceVolumeRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const volume = firstRow(Volume)

      const claim = Effect.fn("WorkspaceVolumeRepository.claim")((root: string, volumeId: string) =>
        execute(
          "WorkspaceVolumeRepository.claim",
          volume(sql`
            INSERT INTO workspace_volumes (root, volume_id) VALUES (${storable(root)}, ${volumeId})
            ON CONFLICT (root) DO UPDATE SET volume_id = workspace_volumes.volume_id
            RETURNING volume_id`)
        ).pipe(Effect.map(Option.match({ onNone: () => volumeId, onSome: ({ volume_id }) => volume_id })))
      )

      return WorkspaceVolumeRepository.of({ claim })
    })
  )
}
