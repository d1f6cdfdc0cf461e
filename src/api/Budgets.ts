import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BudgetLimit, TenantBudget } from "../domain/Budget.ts"
import { TenantNotFound } from "../domain/errors/BudgetErrors.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { TenantId } from "../domain/Tenant.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: TenantId }
const absent = problem(TenantNotFound)

/** A limit of what may be spent in a day; null takes it away. */
export const BudgetChange = Schema.Struct({ usd_per_day: Schema.NullOr(BudgetLimit) }).annotate({
  identifier: "BudgetChange"
})

/** What tenants may spend in a day. */
export class BudgetsApi extends HttpApiGroup.make("budgets")
  .add(
    HttpApiEndpoint.get("get", "/budget", {
      success: TenantBudget,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read the tenant's budget and what is spent of it" })),
    HttpApiEndpoint.put("set", "/budget", {
      payload: BudgetChange,
      success: TenantBudget,
      error: [absent, problem(ValidationFailed), ...writeProblems]
    })
      .annotate(RequiredScope, "admin")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Set the tenant's own limit",
          description: "Within what the operator allows. Needs the scope `admin`."
        })
      ),
    HttpApiEndpoint.get("getTenant", "/tenants/:id/budget", {
      params,
      success: TenantBudget,
      error: [absent, ...readProblems]
    })
      .annotate(RequiredScope, "operator")
      .annotateMerge(OpenApi.annotations({ summary: "Read a tenant's budget" })),
    HttpApiEndpoint.put("setTenant", "/tenants/:id/budget", {
      params,
      payload: BudgetChange,
      success: TenantBudget,
      error: [absent, problem(ValidationFailed), ...writeProblems]
    })
      .annotate(RequiredScope, "operator")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Set what the operator allows a tenant",
          description: "The lower one of this and the tenant's own limit is in force. Needs the scope `operator`."
        })
      )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Budgets",
      description:
        "What a tenant's runs may cost in a day, which is one of UTC. A run counts on the day on which it ended. Before each run, and after each of the model's answers, it is looked whether anything is left; runs that go on at the same time do not see each other's expenses before they end. A session has a `budget_usd` of its own, a run its `max_budget_usd`."
    })
  ) {}
