import { Context, Effect, Layer } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { MemorySettings, MemorySettingsChange, TenantMemorySettings } from "../domain/MemorySettings.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { MemorySettingsRepository } from "../storage/MemorySettingsRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** How a tenant wants its runs to use memory. */
export class MemoryPreferences extends Context.Service<
  MemoryPreferences,
  {
    get(principal: Principal): Effect.Effect<MemorySettings, ReadFailure>
    change(principal: Principal, change: MemorySettingsChange): Effect.Effect<MemorySettings, DatabaseFailure>
    /** What is in force for a tenant, or a failure within a time limit in milliseconds. */
    of(tenant: TenantId, limit: number): Effect.Effect<MemorySettings, DatabaseFailure>
  }
>()("causeway/services/MemoryPreferences") {
  static readonly layer = Layer.effect(
    MemoryPreferences,
    Effect.gen(function* () {
      const { memory } = yield* Settings
      const repository = yield* MemorySettingsRepository

      const inForce = (set: TenantMemorySettings): MemorySettings => ({
        recall: set.recall ?? true,
        extract: set.extract ?? true,
        recall_limit: set.recall_limit ?? memory.recallLimit,
        recall_tokens: set.recall_tokens ?? memory.recallTokens
      })

      return MemoryPreferences.of({
        get: Effect.fn("MemoryPreferences.get")(({ tenant_id }) =>
          Effect.map(asRead(repository.find(tenant_id)), inForce)
        ),
        change: Effect.fn("MemoryPreferences.change")(({ tenant_id }, change) =>
          Effect.map(repository.change(tenant_id, change), inForce)
        ),
        of: Effect.fn("MemoryPreferences.of")((tenant, limit) => Effect.map(repository.find(tenant, limit), inForce))
      })
    })
  )
}
