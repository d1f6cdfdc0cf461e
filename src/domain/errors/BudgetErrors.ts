import { Schema } from "effect"
import { SessionId } from "../Session.ts"
import { TenantId } from "../Tenant.ts"
import { soFar } from "./Partial.ts"

/** The session's runs have spent all that they may. */
export class SessionBudgetReached extends Schema.TaggedError<SessionBudgetReached>()("SessionBudgetReached", {
  ...soFar,
  session_id: SessionId,
  budget_usd: Schema.Finite,
  spent_usd: Schema.Finite
}) {
  override get message() {
    return "The session's budget is spent."
  }
}

/** The tenant's runs have spent all that they may in this day. */
export class TenantBudgetReached extends Schema.TaggedError<TenantBudgetReached>()("TenantBudgetReached", {
  ...soFar,
  usd_per_day: Schema.Finite,
  spent_today_usd: Schema.Finite,
  /** Until the next day begins. */
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return "The tenant's budget of this day is spent."
  }
}

/** No such tenant. */
export class TenantNotFound extends Schema.TaggedError<TenantNotFound>()("TenantNotFound", {
  tenant_id: TenantId
}) {
  override get message() {
    return "There is no such tenant."
  }
}

/** A budget that other runs have spent. */
export type BudgetSpent = SessionBudgetReached | TenantBudgetReached
