import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ApiKey } from "../domain/ApiKey.ts"
import { AlreadyExists, type DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { Tenant, type TenantId } from "../domain/Tenant.ts"
import type { NewApiKey } from "./ApiKeyRepository.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { storable, texts } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

const TenantWithKey = Schema.Struct({
  ...Tenant.fields,
  key_id: ApiKey.fields.id,
  key_name: ApiKey.fields.name,
  scopes: ApiKey.fields.scopes,
  key_created_at: ApiKey.fields.created_at
})

/** Tenants in PostgreSQL. */
export class TenantRepository extends Context.Service<
  TenantRepository,
  {
    /** Makes a tenant with its first key; both or neither. */
    create(
      id: TenantId,
      name: string,
      key: NewApiKey
    ): Effect.Effect<{ readonly tenant: Tenant; readonly key: ApiKey }, AlreadyExists | DatabaseFailure>
    list(position: PagePosition | null, size: number): Effect.Effect<Page<Tenant>, DatabaseFailure>
  }
>()("causeway/storage/TenantRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    TenantRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const tenantWithKey = firstRow(TenantWithKey)
      const page = pageOf(Tenant)

      const create = Effect.fn("TenantRepository.create")(function* (id: TenantId, name: string, key: NewApiKey) {
        const created = yield* execute(
          "TenantRepository.create",
          tenantWithKey(sql`
            WITH tenant AS (
              INSERT INTO tenants (id, name) VALUES (${id}, ${storable(name)})
              ON CONFLICT (name) DO NOTHING
              RETURNING id, name, created_at
            ), key AS (
              INSERT INTO api_keys (id, tenant_id, name, key_hash, scopes)
              SELECT ${key.id}::uuid, id, ${storable(key.name)}, ${key.hash}, ${texts(key.scopes)} FROM tenant
              RETURNING id AS key_id, name AS key_name, scopes, created_at AS key_created_at
            )
            SELECT tenant.*, key.* FROM tenant, key`)
        )
        if (Option.isNone(created)) return yield* new AlreadyExists({ resource: "tenant" })
        const { key_id, key_name, scopes, key_created_at, ...tenant } = created.value
        return {
          tenant: new Tenant(tenant),
          key: new ApiKey({ id: key_id, name: key_name, scopes, created_at: key_created_at, revoked_at: null })
        }
      })

      const list = Effect.fn("TenantRepository.list")((position: PagePosition | null, size: number) =>
        execute(
          "TenantRepository.list",
          page(
            size,
            sql`
              SELECT id, name, created_at FROM tenants WHERE ${after(sql, position)}
              ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
          )
        )
      )

      return TenantRepository.of({ create, list })
    })
  )
}
