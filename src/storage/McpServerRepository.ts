import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { McpServerExists, McpServerNotFound, TooManyMcpServers } from "../domain/errors/McpErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { McpServerId, McpServerName } from "../domain/McpServer.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import {
  makeMcpServerRows,
  mcpServerColumns,
  type McpServerContent,
  McpServerRow,
  type StoredMcpServer
} from "./McpServerRows.ts"
import { json, storable } from "./Parameters.ts"
import { firstRow, readableRows } from "./Rows.ts"

const Outcome = Schema.Struct({ found: Schema.Int })

/** Tenants' MCP servers in PostgreSQL, their settings sealed. Every method sees one tenant's only. */
export class McpServerRepository extends Context.Service<
  McpServerRepository,
  {
    /** Stores a server unless the tenant has one of this name, or `most` already. */
    create(
      tenant: TenantId,
      id: McpServerId,
      name: McpServerName,
      content: McpServerContent,
      most: number
    ): Effect.Effect<StoredMcpServer, McpServerExists | TooManyMcpServers | DatabaseFailure>
    /** Newest first, from after `position`. A row that does not decode is left out. */
    list(
      tenant: TenantId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<StoredMcpServer>, DatabaseFailure>
    /** All of a tenant's, for a run. A row that does not decode is left out. */
    all(tenant: TenantId): Effect.Effect<ReadonlyArray<StoredMcpServer>, DatabaseFailure>
    find(tenant: TenantId, name: string): Effect.Effect<Option.Option<StoredMcpServer>, DatabaseFailure>
    /** Puts new content in the place of the old; fails with `McpServerNotFound` when it is gone. */
    update(
      tenant: TenantId,
      server: StoredMcpServer,
      content: McpServerContent
    ): Effect.Effect<StoredMcpServer, McpServerNotFound | DatabaseFailure>
    /** Whether there was one. Its shares go with it. */
    delete(tenant: TenantId, name: string): Effect.Effect<boolean, DatabaseFailure>
  }
>()("causeway/storage/McpServerRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    McpServerRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const { open, openOne, seal } = yield* makeMcpServerRows
      const columns = sql.literal(mcpServerColumns)
      const row = firstRow(McpServerRow)
      const readable = readableRows("mcp_servers", McpServerRow)
      const page = pageOf(McpServerRow, readable)
      const outcome = firstRow(Outcome)

      const create = Effect.fn("McpServerRepository.create")(function* (
        tenant: TenantId,
        id: McpServerId,
        name: McpServerName,
        { enabled, metadata, settings }: McpServerContent,
        most: number
      ) {
        const sealed = yield* seal(tenant, id, settings)
        const operation = "McpServerRepository.create"
        const created = yield* execute(
          operation,
          row(sql`
            INSERT INTO mcp_servers (id, tenant_id, name, settings, enabled, metadata)
            SELECT ${id}::uuid, ${tenant}::uuid, ${name}, ${sealed}, ${enabled}::boolean, ${json(metadata)}::json
            WHERE (SELECT count(*) FROM mcp_servers WHERE tenant_id = ${tenant}) < ${most}
            ON CONFLICT (tenant_id, name) DO NOTHING
            RETURNING ${columns}`)
        )
        if (Option.isSome(created)) return yield* open(created.value)
        const same = yield* execute(
          operation,
          outcome(sql`SELECT count(*)::int AS found FROM mcp_servers WHERE tenant_id = ${tenant} AND name = ${name}`)
        )
        return yield* Option.exists(same, ({ found }) => found > 0)
          ? new McpServerExists({ mcp_server: name })
          : new TooManyMcpServers({ limit: most })
      })

      const list = Effect.fn("McpServerRepository.list")(function* (
        tenant: TenantId,
        position: PagePosition | null,
        size: number
      ) {
        const { items, next } = yield* execute(
          "McpServerRepository.list",
          page(
            size,
            sql`
              SELECT ${columns} FROM mcp_servers WHERE tenant_id = ${tenant} AND ${after(sql, position)}
              ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
          )
        )
        return { items: yield* Effect.forEach(items, open), next }
      })

      const all = Effect.fn("McpServerRepository.all")((tenant: TenantId) =>
        execute(
          "McpServerRepository.all",
          Effect.flatMap(sql`SELECT ${columns} FROM mcp_servers WHERE tenant_id = ${tenant} ORDER BY name`, readable)
        ).pipe(Effect.flatMap(Effect.forEach(open)))
      )

      const find = Effect.fn("McpServerRepository.find")((tenant: TenantId, name: string) =>
        execute(
          "McpServerRepository.find",
          row(sql`SELECT ${columns} FROM mcp_servers WHERE tenant_id = ${tenant} AND name = ${storable(name)}`)
        ).pipe(Effect.flatMap(openOne))
      )

      const update = Effect.fn("McpServerRepository.update")(function* (
        tenant: TenantId,
        { id, name }: StoredMcpServer,
        { enabled, metadata, settings }: McpServerContent
      ) {
        const sealed = yield* seal(tenant, id, settings)
        const changed = yield* execute(
          "McpServerRepository.update",
          row(sql`
            UPDATE mcp_servers
            SET settings = ${sealed}, enabled = ${enabled}, metadata = ${json(metadata)}, updated_at = now()
            WHERE id = ${id} AND tenant_id = ${tenant}
            RETURNING ${columns}`)
        )
        return Option.isSome(changed) ? yield* open(changed.value) : yield* new McpServerNotFound({ mcp_server: name })
      })

      const remove = Effect.fn("McpServerRepository.delete")((tenant: TenantId, name: string) =>
        execute(
          "McpServerRepository.delete",
          Effect.map(
            sql`DELETE FROM mcp_servers WHERE tenant_id = ${tenant} AND name = ${storable(name)} RETURNING id`,
            (rows) => rows.length > 0
          )
        )
      )

      return McpServerRepository.of({ create, list, all, find, update, delete: remove })
    })
  )
}
