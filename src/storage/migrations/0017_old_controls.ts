import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** How to find instructions to runs that nobody needs any more, and what has been changed of a run. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE INDEX run_controls_by_age ON run_controls (created_at)`
  yield* sql`CREATE INDEX run_controls_changes ON run_controls (run_id) WHERE kind = 'change'`
})
