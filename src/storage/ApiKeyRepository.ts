import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ApiKey, ApiKeyHash, type ApiKeyId, type ApiKeyScope, Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { storable, texts } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

/** A key that is to be stored; its secret is known as a hash only. */
export interface NewApiKey {
  readonly id: ApiKeyId
  readonly tenant_id: TenantId
  readonly name: string
  readonly hash: ApiKeyHash
  readonly scopes: ReadonlyArray<ApiKeyScope>
}

const RevokedKey = Schema.Struct({ ...ApiKey.fields, key_hash: ApiKeyHash })

/** What the first key may do: make tenants and keys, also with the scopes that it lacks itself, and run agents. */
const operatorScopes: ReadonlyArray<ApiKeyScope> = ["operator", "admin", "query"]

/** API keys in PostgreSQL. */
export class ApiKeyRepository extends Context.Service<
  ApiKeyRepository,
  {
    /** None when there is no such tenant. */
    create(key: NewApiKey): Effect.Effect<Option.Option<ApiKey>, DatabaseFailure>
    list(tenant: TenantId, position: PagePosition | null, size: number): Effect.Effect<Page<ApiKey>, DatabaseFailure>
    /** None when the tenant has no such key; revoking again keeps the first moment. Answers with its hash too. */
    revoke(
      tenant: TenantId,
      id: ApiKeyId
    ): Effect.Effect<Option.Option<{ readonly key: ApiKey; readonly hash: ApiKeyHash }>, DatabaseFailure>
    /** Who a key stands for, unless it is unknown or revoked. */
    findPrincipal(hash: ApiKeyHash): Effect.Effect<Option.Option<Principal>, DatabaseFailure>
    /**
     * Makes sure that an operator key with this hash exists in a tenant of this name, making both if
     * needed. A key that is there stays as it is, revoked or not.
     */
    ensureOperator(key: Omit<NewApiKey, "scopes">, tenantName: string): Effect.Effect<void, DatabaseFailure>
  }
>()("causeway/storage/ApiKeyRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    ApiKeyRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const columns = sql.literal("id, name, scopes, created_at, revoked_at")
      const apiKey = firstRow(ApiKey)
      const revokedKey = firstRow(RevokedKey)
      const principal = firstRow(Principal)
      const page = pageOf(ApiKey)

      const create = Effect.fn("ApiKeyRepository.create")((key: NewApiKey) =>
        execute(
          "ApiKeyRepository.create",
          apiKey(sql`
            INSERT INTO api_keys (id, tenant_id, name, key_hash, scopes)
            SELECT ${key.id}::uuid, id, ${storable(key.name)}, ${key.hash}, ${texts(key.scopes)} FROM tenants
            WHERE id = ${key.tenant_id}
            RETURNING ${columns}`)
        )
      )

      const list = Effect.fn("ApiKeyRepository.list")((tenant: TenantId, position: PagePosition | null, size: number) =>
        execute(
          "ApiKeyRepository.list",
          page(
            size,
            sql`
                SELECT ${columns} FROM api_keys WHERE tenant_id = ${tenant} AND ${after(sql, position)}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
          )
        )
      )

      const revoke = Effect.fn("ApiKeyRepository.revoke")((tenant: TenantId, id: ApiKeyId) =>
        execute(
          "ApiKeyRepository.revoke",
          revokedKey(sql`
            UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
            WHERE id = ${id} AND tenant_id = ${tenant}
            RETURNING ${columns}, key_hash`)
        ).pipe(Effect.map(Option.map(({ key_hash, ...key }) => ({ key: new ApiKey(key), hash: key_hash }))))
      )

      const findPrincipal = Effect.fn("ApiKeyRepository.findPrincipal")((hash: ApiKeyHash) =>
        execute(
          "ApiKeyRepository.findPrincipal",
          principal(sql`
            SELECT tenant_id, id AS api_key_id, key_hash AS api_key_hash, scopes FROM api_keys
            WHERE key_hash = ${hash} AND revoked_at IS NULL`)
        )
      )

      const ensureOperator = Effect.fn("ApiKeyRepository.ensureOperator")(
        (key: Omit<NewApiKey, "scopes">, tenantName: string) =>
          execute(
            "ApiKeyRepository.ensureOperator",
            Effect.gen(function* () {
              yield* sql`
                INSERT INTO tenants (id, name) VALUES (${key.tenant_id}, ${storable(tenantName)})
                ON CONFLICT (name) DO NOTHING`
              yield* sql`
                INSERT INTO api_keys (id, tenant_id, name, key_hash, scopes)
                SELECT ${key.id}::uuid, id, ${storable(key.name)}, ${key.hash}, ${texts(operatorScopes)}
                FROM tenants WHERE name = ${storable(tenantName)}
                ON CONFLICT (key_hash) DO NOTHING`
            })
          )
      )

      return ApiKeyRepository.of({ create, list, revoke, findPrincipal, ensureOperator })
    })
  )
}
