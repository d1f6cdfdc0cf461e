import type { Effect, Redacted } from "effect"
import { Context } from "effect"
import type { ApiKey, ApiKeyId, ApiKeyScope, Principal } from "../domain/ApiKey.ts"
import type { Forbidden, Unauthorized } from "../domain/errors/RequestErrors.ts"
import type { ApiKeyNotFound, SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure, DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"

/** A stored key with its secret, which nobody can see again. */
export interface IssuedKey {
  readonly apiKey: ApiKey
  readonly secret: Redacted.Redacted
}

/** Who may do what: keys, their scopes and their tenants. */
export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** Who a key stands for. A database that does not answer is its own failure, never an unknown key. */
    authenticate(secret: Redacted.Redacted): Effect.Effect<Principal, Unauthorized | DatabaseFailure>
    /** Makes a key of the principal's tenant; `Forbidden` for a scope that the principal lacks. */
    create(
      principal: Principal,
      name: string,
      scopes: ReadonlyArray<ApiKeyScope>
    ): Effect.Effect<IssuedKey, Forbidden | DatabaseFailure>
    list(
      principal: Principal,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<ApiKey>, DbUnavailable | DbOperational | SessionRetrievalFailed>
    /** From its answer on the key opens nothing on this instance, and on others within seconds. */
    revoke(principal: Principal, id: ApiKeyId): Effect.Effect<ApiKey, ApiKeyNotFound | DatabaseFailure>
  }
>()("causeway/services/ApiKeys") {}
