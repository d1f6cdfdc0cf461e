import { Schema } from "effect"
import type { BudgetSpent } from "./errors/BudgetErrors.ts"
import { Moment } from "./Moment.ts"

/** Dollars that may be spent: 0, which allows nothing, to 1,000,000. */
export const BudgetLimit = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

/** What a tenant may spend on its runs in a day, which is one of UTC. Null where there is no limit. */
export class TenantBudget extends Schema.Class<TenantBudget>("TenantBudget")({
  /** What is in force: the lower one of the two below. */
  usd_per_day: Schema.NullOr(BudgetLimit),
  /** What the operator allows. */
  operator_usd_per_day: Schema.NullOr(BudgetLimit),
  /** What the tenant's admin allows within that. */
  tenant_usd_per_day: Schema.NullOr(BudgetLimit),
  /** Dollars of the runs that ended today, however they ended, and of those that wait, as far as they are known. */
  spent_today_usd: Schema.Finite,
  /** When the next day begins. */
  resets_at: Moment
}) {}

/** What a run may spend beside its own `max_budget_usd`. */
export interface Allowance {
  /** Nothing is left where it is 0 or less. */
  readonly left_usd: number
  /** What it fails with when it has spent that; `cost` is what it came to. */
  readonly spent: (cost: number) => BudgetSpent
}
