import { Context, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { ApiKeyId, type ApiKeyScope } from "../domain/ApiKey.ts"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { type Tenant, TenantId } from "../domain/Tenant.ts"
import { TenantRepository } from "../storage/TenantRepository.ts"
import type { IssuedKey } from "./ApiKeys.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** What a tenant's first key may do unless told otherwise: make other keys, and run agents. */
const firstScopes: ReadonlyArray<ApiKeyScope> = ["admin", "query"]

/** Tenants, as their operator manages them. */
export class Tenants extends Context.Service<
  Tenants,
  {
    /** Makes a tenant and its first key, with `admin` and `query` unless other scopes are given; both or neither. */
    create(
      name: string,
      scopes?: ReadonlyArray<ApiKeyScope>
    ): Effect.Effect<{ readonly tenant: Tenant; readonly issued: IssuedKey }, AlreadyExists | DatabaseFailure>
    list(position: PagePosition | null, size: number): Effect.Effect<Page<Tenant>, ReadFailure>
  }
>()("causeway/services/Tenants") {
  static readonly layer = Layer.effect(
    Tenants,
    Effect.gen(function* () {
      const repository = yield* TenantRepository
      const random = yield* SecureRandom.SecureRandom
      const secrets = yield* makeSecrets

      return Tenants.of({
        create: Effect.fn("Tenants.create")(function* (name, scopes = firstScopes) {
          const id = TenantId.make(yield* random.uuidV7())
          const { hash, secret } = yield* secrets.issue
          const { key, tenant } = yield* repository.create(id, name, {
            id: ApiKeyId.make(yield* random.uuidV7()),
            tenant_id: id,
            name: "first key",
            hash,
            scopes
          })
          return { tenant, issued: { apiKey: key, secret } }
        }),
        list: Effect.fn("Tenants.list")((position, size) => asRead(repository.list(position, size)))
      })
    })
  )
}
