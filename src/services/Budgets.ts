import { Context, Effect, Layer, Option } from "effect"
import type { Allowance, TenantBudget } from "../domain/Budget.ts"
import { TenantNotFound } from "../domain/errors/BudgetErrors.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { BudgetRepository, type BudgetSetter } from "../storage/BudgetRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** What tenants and sessions may spend. */
export class Budgets extends Context.Service<
  Budgets,
  {
    get(tenant: TenantId): Effect.Effect<TenantBudget, TenantNotFound | ReadFailure>
    /** Sets the operator's limit or, within it, the tenant's own; null takes it away. */
    set(
      tenant: TenantId,
      setter: BudgetSetter,
      usd_per_day: number | null
    ): Effect.Effect<TenantBudget, TenantNotFound | ValidationFailed | DatabaseFailure>
    /**
     * What a run of the session may spend now, if anything; null where there is no limit. Runs that go on at the same
     * time do not see each other's expenses before they end or wait.
     */
    allowance(tenant: TenantId, session: SessionId): Effect.Effect<Allowance | null, DatabaseFailure>
  }
>()("causeway/services/Budgets") {
  static readonly layer = Layer.effect(
    Budgets,
    Effect.gen(function* () {
      const repository = yield* BudgetRepository

      const orNotFound =
        (tenant_id: TenantId) =>
        <A>(found: Option.Option<A>): Effect.Effect<A, TenantNotFound> =>
          Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(new TenantNotFound({ tenant_id }))

      return Budgets.of({
        get: Effect.fn("Budgets.get")((tenant) => Effect.flatMap(asRead(repository.find(tenant)), orNotFound(tenant))),
        set: Effect.fn("Budgets.set")(function* (tenant, setter, usd_per_day) {
          const set = yield* repository.set(tenant, setter, usd_per_day)
          const budget = yield* Effect.flatMap(repository.find(tenant), orNotFound(tenant))
          if (Option.isNone(set)) {
            return yield* new ValidationFailed({
              issues: [
                { path: "body.usd_per_day", message: `The operator allows at most ${budget.operator_usd_per_day ?? 0}` }
              ]
            })
          }
          return budget
        }),
        allowance: repository.allowance
      })
    })
  )
}
