import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Endpoints of tenants that are asked while agents work. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // settings is sealed: address, headers and secrets.
  yield* sql`
    CREATE TABLE webhooks (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      events text[] NOT NULL,
      settings text NOT NULL,
      matcher text,
      timeout integer NOT NULL,
      enabled boolean NOT NULL,
      description text,
      previous_secret_until timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    )`
  yield* sql`CREATE INDEX webhooks_by_tenant ON webhooks (tenant_id, created_at DESC, id DESC)`
})
