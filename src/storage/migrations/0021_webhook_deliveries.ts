import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What endpoints of tenants are told, until they have heard it. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE webhooks ADD COLUMN disabled_reason text`

  // due_at is when a pending one is tried next; of one that somebody has, when others may take it.
  yield* sql`
    CREATE TABLE webhook_deliveries (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      tenant_id uuid NOT NULL,
      webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
      event text NOT NULL,
      data json NOT NULL,
      status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
      attempts integer NOT NULL DEFAULT 0,
      owner text,
      due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      last_attempt_at timestamptz,
      last_status integer,
      last_reason text,
      created_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz
    )`
  yield* sql`CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE status = 'pending'`
  yield* sql`
    CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at DESC, id DESC)`
  yield* sql`
    CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (webhook_id, status, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at)`
})
