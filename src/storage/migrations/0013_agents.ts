import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Agents with all their versions, and who else may see them. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE agents (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      version integer NOT NULL,
      definition json NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (tenant_id, name)
    )`
  yield* sql`CREATE INDEX agents_by_tenant ON agents (tenant_id, created_at DESC, id DESC)`

  yield* sql`
    CREATE TABLE agent_versions (
      agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
      version integer NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      name text NOT NULL,
      definition json NOT NULL,
      created_at timestamptz NOT NULL,
      PRIMARY KEY (agent_id, version)
    )`
  yield* sql`CREATE INDEX agent_versions_by_age ON agent_versions (agent_id, created_at DESC, id DESC)`

  // A token is known as its hash only.
  yield* sql`
    CREATE TABLE agent_shares (
      token_hash text PRIMARY KEY,
      agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL
    )`
  yield* sql`CREATE INDEX agent_shares_by_agent ON agent_shares (agent_id)`
})
