import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { ApiKey, ApiKeyHash, ApiKeyId, ApiKeyScope, Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** A key that is to be stored; its secret is known as a hash only. */
export interface NewApiKey {
  readonly id: ApiKeyId
  readonly tenant_id: TenantId
  readonly name: string
  readonly hash: ApiKeyHash
  readonly scopes: ReadonlyArray<ApiKeyScope>
}

/** API keys in PostgreSQL. */
export class ApiKeyRepository extends Context.Service<
  ApiKeyRepository,
  {
    create(key: NewApiKey): Effect.Effect<ApiKey, DatabaseFailure>
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
>()("causeway/storage/ApiKeyRepository") {}
