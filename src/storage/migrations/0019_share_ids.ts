import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Shares have ids, so that they can be listed and one of several can be taken back. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  for (const [table, reference, before] of [
    ["agent_shares", "agent_id", "agent_shares_by_agent"],
    ["mcp_shares", "server_id", "mcp_shares_by_server"]
  ] as const) {
    yield* sql`ALTER TABLE ${sql(table)} ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid()`
    yield* sql`CREATE INDEX ${sql(`${table}_by_age`)} ON ${sql(table)} (${sql(reference)}, created_at DESC, id DESC)`
    yield* sql`DROP INDEX ${sql(before)}`
  }
})
