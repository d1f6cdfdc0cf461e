import { Effect, Redacted } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { ApiKeyHash } from "../domain/ApiKey.ts"

/** Random bytes of a key. */
const secretBytes = 32

const encoder = new TextEncoder()

/** Makes keys and hashes them. A secret exists in the answer that issues it and nowhere else. */
export const makeSecrets = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom

  const hash = (secret: Redacted.Redacted) =>
    Effect.map(digest.digestHex(Digest.sha256, encoder.encode(Redacted.value(secret))), (hex) => ApiKeyHash.make(hex))

  const issue = Effect.gen(function* () {
    const secret = Redacted.make(`cw_${Base64Url.encode(yield* random.randomBytes(secretBytes))}`)
    return { secret, hash: yield* hash(secret) }
  })

  return { hash, issue }
})
