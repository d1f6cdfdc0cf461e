import { Context, Duration, Effect, Layer, Option, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { Cache } from "../cache/Cache.ts"
import { type ApiKey, type ApiKeyHash, ApiKeyId, type ApiKeyScope, Principal } from "../domain/ApiKey.ts"
import { TenantNotFound } from "../domain/errors/BudgetErrors.ts"
import { Forbidden, Unauthorized } from "../domain/errors/RequestErrors.ts"
import { ApiKeyNotFound } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { ApiKeyRepository } from "../storage/ApiKeyRepository.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"
import { makeReadThrough } from "./ReadThrough.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** How long a key's owner is known without asking the database. */
const principalLife = Duration.seconds(60)

const keyOf = (hash: ApiKeyHash) => `principal:${hash}`

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
    /** Whether a key that was let in a while ago still is; what it may do now. */
    confirm(principal: Principal): Effect.Effect<Principal, Unauthorized | DatabaseFailure>
    /** Makes a key of the principal's tenant; `Forbidden` for a scope that the principal lacks. */
    create(
      principal: Principal,
      name: string,
      scopes: ReadonlyArray<ApiKeyScope>
    ): Effect.Effect<IssuedKey, Forbidden | DatabaseFailure>
    /** Makes a key of any tenant with any scopes: the operator's way. */
    createFor(
      tenant: TenantId,
      name: string,
      scopes: ReadonlyArray<ApiKeyScope>
    ): Effect.Effect<IssuedKey, TenantNotFound | DatabaseFailure>
    list(principal: Principal, position: PagePosition | null, size: number): Effect.Effect<Page<ApiKey>, ReadFailure>
    /** From its answer on the key opens nothing, on any instance that shares the cache. */
    revoke(principal: Principal, id: ApiKeyId): Effect.Effect<ApiKey, ApiKeyNotFound | DatabaseFailure>
  }
>()("causeway/services/ApiKeys") {
  static readonly layer = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const repository = yield* ApiKeyRepository
      const cache = yield* Cache
      const random = yield* SecureRandom.SecureRandom
      const secrets = yield* makeSecrets
      const principals = makeReadThrough(cache, Principal, principalLife)

      const principalOf = Effect.fnUntraced(function* (hash: ApiKeyHash) {
        const found = yield* principals.get(keyOf(hash), { api_key_hash: hash }, repository.findPrincipal(hash))
        if (Option.isNone(found)) return yield* new Unauthorized({ reason: "invalid" })
        return found.value
      })

      const authenticate = Effect.fn("ApiKeys.authenticate")(function* (secret: Redacted.Redacted) {
        if (Redacted.value(secret) === "") return yield* new Unauthorized({ reason: "missing" })
        return yield* principalOf(yield* secrets.hash(secret))
      })

      const createFor = Effect.fn("ApiKeys.createFor")(function* (
        tenant_id: TenantId,
        name: string,
        scopes: ReadonlyArray<ApiKeyScope>
      ) {
        const { hash, secret } = yield* secrets.issue
        const id = ApiKeyId.make(yield* random.uuidV7())
        const created = yield* repository.create({ id, tenant_id, name, hash, scopes })
        if (Option.isNone(created)) return yield* new TenantNotFound({ tenant_id })
        return { apiKey: created.value, secret }
      })

      const create = Effect.fn("ApiKeys.create")(function* (
        principal: Principal,
        name: string,
        scopes: ReadonlyArray<ApiKeyScope>
      ) {
        const missing = scopes.find((scope) => !principal.has(scope) && !principal.has("operator"))
        if (missing !== undefined) return yield* new Forbidden({ scope: missing })
        // The principal's own tenant is there.
        return yield* Effect.catchTag(createFor(principal.tenant_id, name, scopes), "TenantNotFound", Effect.die)
      })

      const revoke = Effect.fn("ApiKeys.revoke")(function* (principal: Principal, id: ApiKeyId) {
        const revoked = yield* repository.revoke(principal.tenant_id, id)
        if (Option.isNone(revoked)) return yield* new ApiKeyNotFound({ api_key_id: id })
        yield* principals.invalidate(keyOf(revoked.value.hash), {})
        return revoked.value.key
      })

      return ApiKeys.of({
        authenticate,
        confirm: Effect.fn("ApiKeys.confirm")(({ api_key_hash }) => principalOf(api_key_hash)),
        create,
        createFor,
        revoke,
        list: Effect.fn("ApiKeys.list")((principal, position, size) =>
          asRead(repository.list(principal.tenant_id, position, size))
        )
      })
    })
  )
}
