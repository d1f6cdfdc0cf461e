import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Who answered, and what was allowed for a session and taken back. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE approvals ADD COLUMN answered_by uuid`
  yield* sql`ALTER TABLE approvals ADD COLUMN rules_revoked_at timestamptz`
  yield* sql`ALTER TABLE approvals ADD COLUMN rules_revoked_by uuid`
  yield* sql`
    CREATE INDEX approvals_for_session ON approvals (session_id, created_at DESC, id DESC)
    WHERE status = 'answered' AND answer->>'scope' = 'session'`

  yield* sql`ALTER TABLE run_controls DROP CONSTRAINT run_controls_kind_check`
  yield* sql`
    ALTER TABLE run_controls
    ADD CONSTRAINT run_controls_kind_check CHECK (kind IN ('interrupt', 'change', 'rules'))`
})
