import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type Allowance, TenantBudget } from "../domain/Budget.ts"
import { SessionBudgetReached, TenantBudgetReached } from "../domain/errors/BudgetErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { firstRow } from "./Rows.ts"

const Expenses = Schema.Struct({
  usd_per_day: TenantBudget.fields.usd_per_day,
  spent_today_usd: Schema.Finite,
  seconds_left: Schema.Int,
  budget_usd: TenantBudget.fields.usd_per_day,
  spent_usd: Schema.NullOr(Schema.Finite)
})
type Expenses = typeof Expenses.Type

/** What may still be spent in a session: the lower one of what it and its tenant have left; null without limits. */
export const allowanceOf =
  (session_id: SessionId) =>
  (expenses: Expenses): Allowance | null => {
    const { budget_usd, seconds_left, spent_today_usd, spent_usd, usd_per_day } = expenses
    const before = spent_usd ?? 0
    const ofTenant: Allowance | null =
      usd_per_day === null
        ? null
        : {
            left_usd: usd_per_day - spent_today_usd,
            spent: (cost) =>
              new TenantBudgetReached({
                usd_per_day,
                spent_today_usd: spent_today_usd + cost,
                retry_after_seconds: seconds_left
              })
          }
    const ofSession: Allowance | null =
      budget_usd === null
        ? null
        : {
            left_usd: budget_usd - before,
            spent: (cost) => new SessionBudgetReached({ session_id, budget_usd, spent_usd: before + cost })
          }
    return ofSession !== null && (ofTenant === null || ofSession.left_usd <= ofTenant.left_usd) ? ofSession : ofTenant
  }

/** Makes the statements that add up what was spent. A day's sum is only made where there is a limit to it. */
export const makeExpenses = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const budget = firstRow(TenantBudget)
  const expenses = firstRow(Expenses)

  const inForce = sql.literal("least(tenants.operator_usd_per_day, tenants.tenant_usd_per_day)")
  const nextDay = sql.literal("date_trunc('day', now(), 'UTC') + interval '1 day'")
  const spentBy = (runs: string) => `(
    SELECT coalesce(sum(total_cost_usd), 0) FROM runs
    WHERE runs.tenant_id = tenants.id AND total_cost_usd IS NOT NULL AND ${runs})`
  // Two sums, so that each is read from the index alone.
  const spentToday = sql.literal(
    `${spentBy("ended_at >= date_trunc('day', now(), 'UTC')")} + ${spentBy("ended_at IS NULL")}`
  )
  // What a run has spent before it waited is not in its session's sum yet.
  const spentBefore = sql.literal(`sessions.total_cost_usd + (
    SELECT coalesce(sum(live.total_cost_usd), 0) FROM runs live
    WHERE live.session_id = sessions.id AND live.status IN ('queued', 'running', 'waiting'))`)

  return {
    ofTenant: (tenant: TenantId) =>
      budget(sql`
        SELECT ${inForce} AS usd_per_day, operator_usd_per_day, tenant_usd_per_day,
          ${spentToday} AS spent_today_usd, ${nextDay} AS resets_at
        FROM tenants WHERE id = ${tenant}`),
    ofSession: (tenant: TenantId, session: SessionId) =>
      expenses(sql`
        SELECT ${inForce} AS usd_per_day,
          CASE WHEN ${inForce} IS NULL THEN 0 ELSE ${spentToday} END AS spent_today_usd,
          ceil(extract(epoch FROM ${nextDay} - now()))::integer AS seconds_left,
          sessions.budget_usd, ${spentBefore} AS spent_usd
        FROM tenants LEFT JOIN sessions ON sessions.id = ${session} AND sessions.tenant_id = tenants.id
        WHERE tenants.id = ${tenant}`)
  }
})
