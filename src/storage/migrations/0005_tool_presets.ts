import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Lists of rules about tools, under names; one of a tenant's may be its default. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE tool_presets (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      description text,
      allowed_tools text[] NOT NULL,
      disallowed_tools text[] NOT NULL,
      is_default boolean NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (tenant_id, name)
    )`
  yield* sql`CREATE INDEX tool_presets_by_tenant ON tool_presets (tenant_id, created_at DESC, id DESC)`
  yield* sql`CREATE UNIQUE INDEX tool_presets_default ON tool_presets (tenant_id) WHERE is_default`
})
