import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Texts for agents under names: skills, and the prompts that slash commands stand for. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  for (const table of ["skills", "slash_commands"]) {
    yield* sql`
      CREATE TABLE ${sql(table)} (
        id uuid PRIMARY KEY,
        tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
        name text NOT NULL,
        description text NOT NULL,
        content text NOT NULL,
        enabled boolean NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (tenant_id, name)
      )`
    yield* sql`CREATE INDEX ${sql(`${table}_by_tenant`)} ON ${sql(table)} (tenant_id, created_at DESC, id DESC)`
  }
})
