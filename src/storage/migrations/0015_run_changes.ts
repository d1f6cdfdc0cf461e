import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Instructions that change a run, and that its owner may refuse. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE run_controls DROP CONSTRAINT run_controls_kind_check`
  yield* sql`ALTER TABLE run_controls ADD CONSTRAINT run_controls_kind_check CHECK (kind IN ('interrupt', 'change'))`
  yield* sql`ALTER TABLE run_controls ADD COLUMN change json`
  yield* sql`ALTER TABLE run_controls ADD COLUMN refusal text`
})
