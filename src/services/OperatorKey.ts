import { Effect, Layer, type Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { ApiKeyId } from "../domain/ApiKey.ts"
import { TenantId } from "../domain/Tenant.ts"
import { ApiKeyRepository } from "../storage/ApiKeyRepository.ts"
import { readOrCreateKey } from "../storage/KeyFile.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"

/** The tenant to which the operator's key belongs. */
const operatorTenant = "operator"

/**
 * Makes sure that there is a key to begin with: the configured one or, without one, a
 * generated one that is kept in a file, whose place is logged.
 */
export const layer = (configured: Redacted.Redacted | undefined, path: string) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const repository = yield* ApiKeyRepository
      const random = yield* SecureRandom.SecureRandom
      const secrets = yield* makeSecrets

      const generated = Effect.gen(function* () {
        const { created, key } = yield* readOrCreateKey(path, (yield* secrets.issue).secret)
        yield* Effect.logInfo(`The operator's API key is in ${path}${created ? " (new)" : ""}`)
        return key
      })
      const secret = configured ?? (yield* generated)
      yield* repository.ensureOperator(
        {
          id: ApiKeyId.make(yield* random.uuidV7()),
          tenant_id: TenantId.make(yield* random.uuidV7()),
          name: configured === undefined ? "generated" : "API_KEY",
          hash: yield* secrets.hash(secret)
        },
        operatorTenant
      )
    })
  )
