import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { type MemorySettingsChange, TenantMemorySettings } from "../domain/MemorySettings.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { firstRow } from "./Rows.ts"

const nothingSet: TenantMemorySettings = { recall: null, extract: null, recall_limit: null, recall_tokens: null }

/** How tenants want memory to be used. */
export class MemorySettingsRepository extends Context.Service<
  MemorySettingsRepository,
  {
    find(tenant: TenantId, limit?: number): Effect.Effect<TenantMemorySettings, DatabaseFailure>
    change(tenant: TenantId, change: MemorySettingsChange): Effect.Effect<TenantMemorySettings, DatabaseFailure>
  }
>()("causeway/storage/MemorySettingsRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    MemorySettingsRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const settings = firstRow(TenantMemorySettings)
      const columns = sql.literal("recall, extract, recall_limit, recall_tokens")

      const orNothing = Option.getOrElse(() => nothingSet)

      return MemorySettingsRepository.of({
        find: Effect.fn("MemorySettingsRepository.find")((tenant, limit) =>
          execute(
            "MemorySettingsRepository.find",
            settings(sql`SELECT ${columns} FROM memory_settings WHERE tenant_id = ${tenant}`),
            limit
          ).pipe(Effect.map(orNothing))
        ),
        change: Effect.fn("MemorySettingsRepository.change")((tenant, change) => {
          const kept = { ...nothingSet, ...change }
          const next = (name: keyof TenantMemorySettings) =>
            change[name] === undefined ? sql`known.${sql(name)}` : sql`excluded.${sql(name)}`
          return execute(
            "MemorySettingsRepository.change",
            settings(sql`
              INSERT INTO memory_settings AS known (tenant_id, recall, extract, recall_limit, recall_tokens)
              VALUES (${tenant}, ${kept.recall}, ${kept.extract}, ${kept.recall_limit}, ${kept.recall_tokens})
              ON CONFLICT (tenant_id) DO UPDATE SET recall = ${next("recall")}, extract = ${next("extract")},
                recall_limit = ${next("recall_limit")}, recall_tokens = ${next("recall_tokens")}, updated_at = now()
              RETURNING ${columns}`)
          ).pipe(Effect.map(orNothing))
        })
      })
    })
  )
}
