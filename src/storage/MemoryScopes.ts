import type { SqlClient, Statement } from "effect/sql"
import { type MemoryScope, scopeParts } from "../domain/Memory.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** Which memories are searched. */
export interface SearchScope {
  readonly tenant: TenantId
  /** `only` takes those that have the scope's parts; `open` also those that leave them open, and no others. */
  readonly match: "only" | "open"
  readonly scope: MemoryScope
}

/** The condition that memories are of a scope. */
export const inScope = (sql: SqlClient.SqlClient, scope: MemoryScope): Statement.Fragment =>
  sql.and([
    sql.literal("true"),
    ...scopeParts.flatMap((part) => (scope[part] === undefined ? [] : [sql`${sql(part)} = ${scope[part]}`]))
  ])

const openTo = (sql: SqlClient.SqlClient, scope: MemoryScope): Statement.Fragment =>
  sql.and(
    scopeParts.map((part) =>
      scope[part] === undefined
        ? sql`${sql(part)} IS NULL`
        : sql`(${sql(part)} IS NULL OR ${sql(part)} = ${scope[part]})`
    )
  )

/** The condition that memories hold and are among those that are searched. */
export const inSearch = (sql: SqlClient.SqlClient, { match, scope, tenant }: SearchScope): Statement.Fragment =>
  sql.and([
    sql`tenant_id = ${tenant}`,
    sql.literal("valid_to IS NULL"),
    match === "only" ? inScope(sql, scope) : openTo(sql, scope)
  ])

/** Whether all of a tenant's memories are searched. */
export const isWhole = ({ match, scope }: SearchScope): boolean =>
  match === "only" && scopeParts.every((part) => scope[part] === undefined)
