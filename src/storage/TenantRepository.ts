import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { AlreadyExists, type DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { Tenant, type TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { storable } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

/** Tenants in PostgreSQL. */
export class TenantRepository extends Context.Service<
  TenantRepository,
  {
    create(id: TenantId, name: string): Effect.Effect<Tenant, AlreadyExists | DatabaseFailure>
    list(position: PagePosition | null, size: number): Effect.Effect<Page<Tenant>, DatabaseFailure>
  }
>()("causeway/storage/TenantRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    TenantRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const tenant = firstRow(Tenant)
      const page = pageOf(Tenant)

      const create = Effect.fn("TenantRepository.create")(function* (id: TenantId, name: string) {
        const created = yield* execute(
          "TenantRepository.create",
          tenant(sql`
            INSERT INTO tenants (id, name) VALUES (${id}, ${storable(name)})
            ON CONFLICT (name) DO NOTHING
            RETURNING id, name, created_at`)
        )
        return Option.isSome(created) ? created.value : yield* new AlreadyExists({ resource: "tenant" })
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
