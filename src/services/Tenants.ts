import type { Effect } from "effect"
import { Context } from "effect"
import type { SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { AlreadyExists, DatabaseFailure, DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { Tenant } from "../domain/Tenant.ts"
import type { IssuedKey } from "./ApiKeys.ts"

/** Tenants, as their operator manages them. */
export class Tenants extends Context.Service<
  Tenants,
  {
    /** Makes a tenant and its first key, which has the scopes `admin` and `query`; both or neither. */
    create(
      name: string
    ): Effect.Effect<{ readonly tenant: Tenant; readonly issued: IssuedKey }, AlreadyExists | DatabaseFailure>
    list(
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Tenant>, DbUnavailable | DbOperational | SessionRetrievalFailed>
  }
>()("causeway/services/Tenants") {}
