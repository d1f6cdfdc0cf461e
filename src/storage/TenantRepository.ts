import type { Effect } from "effect"
import { Context } from "effect"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { Tenant, TenantId } from "../domain/Tenant.ts"

/** Tenants in PostgreSQL. */
export class TenantRepository extends Context.Service<
  TenantRepository,
  {
    create(id: TenantId, name: string): Effect.Effect<Tenant, AlreadyExists | DatabaseFailure>
    list(position: PagePosition | null, size: number): Effect.Effect<Page<Tenant>, DatabaseFailure>
  }
>()("causeway/storage/TenantRepository") {}
