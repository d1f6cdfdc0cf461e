import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type Allowance, TenantBudget } from "../domain/Budget.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { allowanceOf, makeExpenses } from "./Expenses.ts"
import { firstRow } from "./Rows.ts"

/** Which of a tenant's two limits is set. */
export type BudgetSetter = "operator" | "tenant"

const Limit = Schema.Struct({ operator_usd_per_day: TenantBudget.fields.operator_usd_per_day })

/** Budgets in PostgreSQL, and what was spent of them: sums of runs, which no restart forgets. */
export class BudgetRepository extends Context.Service<
  BudgetRepository,
  {
    /** None when there is no such tenant. */
    find(tenant: TenantId): Effect.Effect<Option.Option<TenantBudget>, DatabaseFailure>
    /** Sets one of the limits; null takes it away. None when there is no such tenant, or the operator allows less. */
    set(
      tenant: TenantId,
      setter: BudgetSetter,
      usd_per_day: number | null
    ): Effect.Effect<Option.Option<number | null>, DatabaseFailure>
    /** What a run of the session may spend now, if anything; null where there is no limit. */
    allowance(tenant: TenantId, session: SessionId): Effect.Effect<Allowance | null, DatabaseFailure>
  }
>()("causeway/storage/BudgetRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    BudgetRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const expenses = yield* makeExpenses
      const limit = firstRow(Limit)

      return BudgetRepository.of({
        find: Effect.fn("BudgetRepository.find")((tenant) =>
          execute("BudgetRepository.find", expenses.ofTenant(tenant))
        ),
        set: Effect.fn("BudgetRepository.set")((tenant, setter, usd_per_day) =>
          execute(
            "BudgetRepository.set",
            limit(
              setter === "operator"
                ? sql`
                    UPDATE tenants SET operator_usd_per_day = ${usd_per_day} WHERE id = ${tenant}
                    RETURNING operator_usd_per_day`
                : sql`
                    UPDATE tenants SET tenant_usd_per_day = ${usd_per_day}::double precision
                    WHERE id = ${tenant} AND NOT coalesce(${usd_per_day}::double precision > operator_usd_per_day, false)
                    RETURNING operator_usd_per_day`
            )
          ).pipe(Effect.map(Option.map(({ operator_usd_per_day }) => operator_usd_per_day)))
        ),
        allowance: Effect.fn("BudgetRepository.allowance")(function* (tenant, session) {
          const found = yield* execute("BudgetRepository.allowance", expenses.ofSession(tenant, session))
          return Option.match(found, { onNone: () => null, onSome: allowanceOf(session) })
        })
      })
    })
  )
}
