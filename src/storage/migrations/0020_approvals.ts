import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What agents ask people, and what these answer. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // delivered_at is when the owner of the run took the answer for its agent: from then on the tool may be at work.
  yield* sql`
    CREATE TABLE approvals (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL,
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('permission', 'question')),
      tool_name text NOT NULL,
      tool_use_id text NOT NULL,
      input json NOT NULL,
      reason text,
      rules json NOT NULL,
      of_subagent boolean NOT NULL,
      status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'answered', 'expired', 'cancelled')),
      answer json,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL,
      answered_at timestamptz,
      delivered_at timestamptz
    )`
  yield* sql`CREATE INDEX approvals_by_tenant ON approvals (tenant_id, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX approvals_by_status ON approvals (tenant_id, status, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX approvals_by_session ON approvals (session_id, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX approvals_by_run ON approvals (run_id, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX approvals_by_expiry ON approvals (expires_at) WHERE status = 'pending'`
})
