import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Which volume stands behind each workspace root: instances that find another one there must not start. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE workspace_volumes (root text PRIMARY KEY, volume_id uuid NOT NULL)`
})
