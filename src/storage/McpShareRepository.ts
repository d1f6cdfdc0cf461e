import { Context, type DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { McpServerId } from "../domain/McpServer.ts"
import { Moment } from "../domain/Moment.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makeMcpServerRows, McpServerRow, type StoredMcpServer } from "./McpServerRows.ts"
import { storable } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

const Term = Schema.Struct({ created_at: Moment, expires_at: Moment })
const Key = Schema.Struct({ id: McpServerId })
const SharedRow = Schema.Struct({ ...McpServerRow.fields, shared_at: Moment })

/** Tokens under which MCP servers are shown to other tenants, known as hashes only. */
export class McpShareRepository extends Context.Service<
  McpShareRepository,
  {
    /** Shares a server under a token for a time in milliseconds; null when there is no such server. */
    create(
      tenant: TenantId,
      name: string,
      tokenHash: string,
      life: number
    ): Effect.Effect<
      Option.Option<{ readonly created_at: DateTime.Utc; readonly expires_at: DateTime.Utc }>,
      DatabaseFailure
    >
    /** Takes back all shares of a server; false when there is no such server. */
    revoke(tenant: TenantId, name: string): Effect.Effect<boolean, DatabaseFailure>
    /** The server, of whatever tenant, that a token shows. */
    find(
      tokenHash: string
    ): Effect.Effect<
      Option.Option<{ readonly server: StoredMcpServer; readonly shared_at: DateTime.Utc }>,
      DatabaseFailure
    >
  }
>()("causeway/storage/McpShareRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    McpShareRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const { open } = yield* makeMcpServerRows
      const term = firstRow(Term)
      const key = firstRow(Key)
      const sharedRow = firstRow(SharedRow)

      const create = Effect.fn("McpShareRepository.create")(
        (tenant: TenantId, name: string, tokenHash: string, life: number) =>
          execute(
            "McpShareRepository.create",
            term(sql`
              WITH server AS (
                SELECT id FROM mcp_servers WHERE tenant_id = ${tenant} AND name = ${storable(name)}
              ), expired AS (
                DELETE FROM mcp_shares USING server WHERE server_id = server.id AND expires_at < now()
              )
              INSERT INTO mcp_shares (token_hash, server_id, expires_at)
              SELECT ${tokenHash}, id, now() + make_interval(secs => ${life / 1000}::double precision) FROM server
              RETURNING created_at, expires_at`)
          )
      )

      const revoke = Effect.fn("McpShareRepository.revoke")((tenant: TenantId, name: string) =>
        execute(
          "McpShareRepository.revoke",
          key(sql`
            WITH server AS (
              SELECT id FROM mcp_servers WHERE tenant_id = ${tenant} AND name = ${storable(name)}
            ), gone AS (
              DELETE FROM mcp_shares USING server WHERE server_id = server.id
            )
            SELECT * FROM server`)
        ).pipe(Effect.map(Option.isSome))
      )

      const find = Effect.fn("McpShareRepository.find")(function* (tokenHash: string) {
        const found = yield* execute(
          "McpShareRepository.find",
          sharedRow(sql`
            SELECT mcp_servers.*, mcp_shares.created_at AS shared_at
            FROM mcp_shares JOIN mcp_servers ON mcp_servers.id = server_id
            WHERE token_hash = ${tokenHash} AND expires_at > now()`)
        )
        if (Option.isNone(found)) return Option.none()
        const { shared_at, ...server } = found.value
        return Option.some({ server: yield* open(server), shared_at })
      })

      return McpShareRepository.of({ create, revoke, find })
    })
  )
}
