import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** MCP servers of tenants, and the tokens under which they are shown to others. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // settings is sealed: command, arguments, address, environment and headers may all hold secrets.
  yield* sql`
    CREATE TABLE mcp_servers (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      settings text NOT NULL,
      enabled boolean NOT NULL,
      metadata json NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz,
      UNIQUE (tenant_id, name)
    )`
  yield* sql`CREATE INDEX mcp_servers_by_tenant ON mcp_servers (tenant_id, created_at DESC, id DESC)`

  yield* sql`
    CREATE TABLE mcp_shares (
      token_hash text PRIMARY KEY,
      server_id uuid NOT NULL REFERENCES mcp_servers ON DELETE CASCADE,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL
    )`
  yield* sql`CREATE INDEX mcp_shares_by_server ON mcp_shares (server_id)`
})
