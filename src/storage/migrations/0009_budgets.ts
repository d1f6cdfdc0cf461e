import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What sessions may spend, and tenants in a day; what they have spent is the sum of their runs. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE sessions ADD COLUMN budget_usd double precision`
  yield* sql`ALTER TABLE tenants ADD COLUMN operator_usd_per_day double precision`
  yield* sql`ALTER TABLE tenants ADD COLUMN tenant_usd_per_day double precision`
  // The sum of a day is read from the index alone.
  yield* sql`
    CREATE INDEX runs_by_expense ON runs (tenant_id, ended_at) INCLUDE (total_cost_usd)
    WHERE total_cost_usd IS NOT NULL`
})
