import { Context, Effect, Layer, type Option } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { ToolPreset, type ToolPresetContent } from "../domain/ToolPreset.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makeNamedRecords, type NamedRecords } from "./NamedRecords.ts"
import { storable, texts } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

const columns = Object.keys(ToolPreset.fields).join(", ")

const toRow = ({ allowed_tools, description, disallowed_tools, is_default, name }: ToolPresetContent) => ({
  name,
  description: storable(description ?? null),
  allowed_tools: texts((allowed_tools ?? []).map(storable)),
  disallowed_tools: texts((disallowed_tools ?? []).map(storable)),
  is_default: is_default ?? false
})

/** Tool presets in PostgreSQL. */
export class ToolPresetRepository extends Context.Service<
  ToolPresetRepository,
  NamedRecords<ToolPreset, ToolPresetContent> & {
    /** The one that counts for requests that name none. */
    findDefault(tenant: TenantId): Effect.Effect<Option.Option<ToolPreset>, DatabaseFailure>
  }
>()("causeway/storage/ToolPresetRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    ToolPresetRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const preset = firstRow(ToolPreset)

      /** There is one default: those who set it take turns. */
      const unsetDefault = (tenant: TenantId) =>
        Effect.andThen(
          sql`SELECT FROM tenants WHERE id = ${tenant} FOR NO KEY UPDATE`,
          sql`UPDATE tool_presets SET is_default = false WHERE tenant_id = ${tenant} AND is_default`
        )

      const records = yield* makeNamedRecords({
        repository: "ToolPresetRepository",
        table: "tool_presets",
        resource: "tool preset",
        item: ToolPreset,
        columns,
        most: 1000,
        toRow,
        toChange: toRow,
        before: (tenant, { is_default }) => (is_default === true ? unsetDefault(tenant) : Effect.void)
      })

      return ToolPresetRepository.of({
        ...records,
        findDefault: Effect.fn("ToolPresetRepository.findDefault")((tenant) =>
          execute(
            "ToolPresetRepository.findDefault",
            preset(sql`
              SELECT ${sql.literal(columns)} FROM tool_presets WHERE tenant_id = ${tenant} AND is_default`)
          )
        )
      })
    })
  )
}
