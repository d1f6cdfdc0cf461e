import { Effect, type Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { KeptTextContent } from "../domain/KeptText.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makeNamedRecords, type NamedRecords, type NamedTable } from "./NamedRecords.ts"
import { storable } from "./Parameters.ts"
import { readableRows } from "./Rows.ts"

/** How many skills or commands a tenant may have: a run's agent is told of all of them. */
const most = 100

/** Skills or slash commands in PostgreSQL. */
export interface KeptTextRecords<Item> extends NamedRecords<Item, KeptTextContent> {
  /** All that agents get, by name. What does not decode is left out. */
  enabled(tenant: TenantId): Effect.Effect<ReadonlyArray<Item>, DatabaseFailure>
}

const columns = "id, name, description, content, enabled, 'database' AS source, created_at, updated_at"

const toRow = ({ content, description, enabled, name }: KeptTextContent) => ({
  name,
  description: storable(description),
  content: storable(content),
  enabled: enabled ?? true
})

/** Makes what works on a table of skills or commands. */
export const makeKeptTextRecords = Effect.fnUntraced(function* <Item extends Schema.ConstraintDecoder<unknown>>(
  repository: "SkillRepository" | "SlashCommandRepository",
  { item, resource, table }: Pick<NamedTable<Item, KeptTextContent, KeptTextContent>, "item" | "resource" | "table">
) {
  const sql = yield* SqlClient.SqlClient
  const execute = yield* makeExecute
  const readable = readableRows(table, item)
  const records = yield* makeNamedRecords({
    repository,
    table,
    resource,
    item,
    columns,
    most,
    toRow,
    toChange: toRow
  })
  const texts: KeptTextRecords<Item["Type"]> = {
    ...records,
    enabled: Effect.fn(`${repository}.enabled`)((tenant) =>
      execute(
        `${repository}.enabled`,
        Effect.flatMap(
          sql`
            SELECT ${sql.literal(columns)} FROM ${sql(table)} WHERE tenant_id = ${tenant} AND enabled ORDER BY name`,
          readable
        )
      )
    )
  }
  return texts
})
