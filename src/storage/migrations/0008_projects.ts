import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Names for workspaces, and the sessions that take place in them. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE projects (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      path text NOT NULL,
      metadata json NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (tenant_id, name),
      UNIQUE (tenant_id, path)
    )`
  yield* sql`CREATE INDEX projects_by_tenant ON projects (tenant_id, created_at DESC, id DESC)`
  yield* sql`ALTER TABLE sessions ADD COLUMN project_id uuid REFERENCES projects ON DELETE SET NULL`
  yield* sql`
    CREATE INDEX sessions_by_project ON sessions (project_id, created_at DESC, id DESC) WHERE project_id IS NOT NULL`
})
