import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What runs have come to by model, and how long they took; kept from one agent of a run to the next. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE runs ADD COLUMN model_usage json, ADD COLUMN duration_ms bigint`
})
