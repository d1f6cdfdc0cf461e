import { Effect, Option, Schema } from "effect"
import { SqlClient, SqlError, type Statement } from "effect/sql"
import { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import { AlreadyExists, type DatabaseFailure, DbRefused } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import type { NamedRepository } from "./DatabaseMetrics.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { uuids, texts } from "./Parameters.ts"
import { firstRow, readableRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** What a tenant keeps under names, in one table. Every method sees one tenant's only. */
export interface NamedRecords<Item, Content, Change = Content, Refused = never> {
  create(
    tenant: TenantId,
    id: string,
    content: Content
  ): Effect.Effect<Item, AlreadyExists | ResourceLimitReached | DatabaseFailure>
  find(tenant: TenantId, id: string): Effect.Effect<Option.Option<Item>, DatabaseFailure>
  /** Those of the named that are there, each named by its id or its name. What does not decode is not there. */
  findNamed(tenant: TenantId, references: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Item>, DatabaseFailure>
  /** Newest first, from after `position`. What does not decode is left out. */
  list(tenant: TenantId, position: PagePosition | null, size: number): Effect.Effect<Page<Item>, DatabaseFailure>
  /** None when there is no such thing. */
  update(
    tenant: TenantId,
    id: string,
    change: Change
  ): Effect.Effect<Option.Option<Item>, Refused | AlreadyExists | DatabaseFailure>
  /** Whether there was such a thing. */
  delete(tenant: TenantId, id: string): Effect.Effect<boolean, DatabaseFailure>
}

/** A table with the columns `id`, `tenant_id`, `name`, `created_at` and `updated_at`, and others. */
export interface NamedTable<Item extends Schema.ConstraintDecoder<unknown>, Content, Change> {
  readonly repository: NamedRepository
  readonly table: string
  /** What failures call a record. */
  readonly resource: string
  readonly item: Item
  /** What is selected for an item, as SQL. */
  readonly columns: string
  /** How many of them a tenant may have. */
  readonly most: number
  /** Columns and their values, as parameters. */
  readonly toRow: (content: Content) => Readonly<Record<string, unknown>>
  /** Those that a change sets. */
  readonly toChange: (change: Change) => Readonly<Record<string, unknown>>
  /** What else is to be done in the same transaction, before the row is written. */
  readonly before?: (tenant: TenantId, content: Content | Change) => Effect.Effect<unknown, SqlError.SqlError>
  /** And after it. */
  readonly after?: (id: string) => Effect.Effect<unknown, SqlError.SqlError>
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a name was taken. */
export const isDuplicate = (failure: unknown): failure is SqlError.SqlError =>
  SqlError.isSqlError(failure) && failure.reason._tag === "UniqueViolation"

/** The condition that a record is one of those that are named by ids and names. */
export const namedBy = (sql: SqlClient.SqlClient, references: ReadonlyArray<string>): Statement.Fragment =>
  sql`(id = ANY(${uuids(references.filter((reference) => uuid.test(reference)))}) OR name = ANY(${texts([...references])}))`

/** Makes what works on such a table. */
export const makeNamedRecords = Effect.fnUntraced(function* <
  Item extends Schema.ConstraintDecoder<unknown>,
  Content,
  Change
>(description: NamedTable<Item, Content, Change>) {
  const { columns, item, most, repository, resource, table, toChange, toRow } = description
  const sql = yield* SqlClient.SqlClient
  const execute = yield* makeExecute
  const transaction = yield* makeTransaction
  const selected = sql.literal(columns)
  const records = sql(table)
  const first = firstRow(item)
  const readable = readableRows(table, item)
  const page = pageOf(item, readable)

  const write = <A, E>(tenant: TenantId, id: string, content: Content | Change, statement: Effect.Effect<A, E>) => {
    const { after: last, before: first } = description
    const whole =
      first === undefined && last === undefined
        ? statement
        : transaction(
            Effect.suspend(() => first?.(tenant, content) ?? Effect.void).pipe(
              Effect.andThen(statement),
              Effect.tap(() => last?.(id) ?? Effect.void)
            )
          )
    return Effect.catchIf(whole, isDuplicate, () => Effect.fail(new AlreadyExists({ resource })))
  }

  const insert = (tenant: TenantId, id: string, content: Content) =>
    Effect.gen(function* () {
      const kept = yield* sql`SELECT FROM ${records} WHERE tenant_id = ${tenant} LIMIT ${most}`
      if (kept.length >= most) return yield* new ResourceLimitReached({ resource, limit: most })
      return yield* first(sql`
        INSERT INTO ${records} ${sql.insert({ id, tenant_id: tenant, ...toRow(content) })} RETURNING ${selected}`)
    })

  /** A change of nothing changes nothing, not even its time. */
  const changed = (change: Change) => {
    const row = toChange(change)
    return Object.keys(row).length === 0 ? sql`updated_at = updated_at` : sql`${sql.update(row)}, updated_at = now()`
  }

  const named: NamedRecords<Item["Type"], Content, Change> = {
    create: Effect.fn(`${repository}.create`)(function* (tenant, id, content) {
      const operation = `${repository}.create` as const
      const created = yield* execute(operation, write(tenant, id, content, insert(tenant, id, content)))
      return Option.isSome(created) ? created.value : yield* new DbRefused({ operation })
    }),
    find: Effect.fn(`${repository}.find`)((tenant, id) =>
      execute(
        `${repository}.find`,
        first(sql`SELECT ${selected} FROM ${records} WHERE id = ${id} AND tenant_id = ${tenant}`)
      )
    ),
    findNamed: Effect.fn(`${repository}.findNamed`)((tenant, references) =>
      references.length === 0
        ? Effect.succeed([])
        : execute(
            `${repository}.findNamed`,
            Effect.flatMap(
              sql`SELECT ${selected} FROM ${records} WHERE tenant_id = ${tenant} AND ${namedBy(sql, references)}`,
              readable
            )
          )
    ),
    list: Effect.fn(`${repository}.list`)((tenant, position, size) =>
      execute(
        `${repository}.list`,
        page(
          size,
          sql`
            SELECT ${selected} FROM ${records} WHERE tenant_id = ${tenant} AND ${after(sql, position)}
            ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
        )
      )
    ),
    update: Effect.fn(`${repository}.update`)((tenant, id, change) =>
      execute(
        `${repository}.update`,
        write(
          tenant,
          id,
          change,
          first(sql`
            UPDATE ${records} SET ${changed(change)}
            WHERE id = ${id} AND tenant_id = ${tenant} RETURNING ${selected}`)
        )
      )
    ),
    delete: Effect.fn(`${repository}.delete`)((tenant, id) =>
      execute(
        `${repository}.delete`,
        Effect.map(
          sql`DELETE FROM ${records} WHERE id = ${id} AND tenant_id = ${tenant} RETURNING id`,
          (rows) => rows.length > 0
        )
      )
    )
  }
  return named
})
