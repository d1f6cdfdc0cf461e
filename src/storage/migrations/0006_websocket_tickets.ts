import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What opens a WebSocket once, for clients that cannot send a header. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE websocket_tickets (
      ticket_hash text PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      api_key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
      expires_at timestamptz NOT NULL
    )`
  yield* sql`CREATE INDEX websocket_tickets_by_tenant ON websocket_tickets (tenant_id, expires_at)`
})
