import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Budgets } from "../services/Budgets.ts"

/** Answers the endpoints of budgets. */
export const BudgetsHandlers = HttpApiBuilder.group(
  Api,
  "budgets",
  Effect.fn(function* (handlers) {
    const budgets = yield* Budgets
    return handlers
      .handle(
        "get",
        Effect.fn("budgets.get")(function* () {
          return yield* budgets.get((yield* CurrentPrincipal).tenant_id)
        })
      )
      .handle(
        "set",
        Effect.fn("budgets.set")(function* ({ payload }) {
          return yield* budgets.set((yield* CurrentPrincipal).tenant_id, "tenant", payload.usd_per_day)
        })
      )
      .handle("getTenant", ({ params }) => budgets.get(params.id))
      .handle("setTenant", ({ params, payload }) => budgets.set(params.id, "operator", payload.usd_per_day))
  })
)
