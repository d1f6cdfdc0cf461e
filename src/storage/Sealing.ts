import { Context, Effect, Layer, Redacted, Result } from "effect"
import { Aead, Digest, SecureRandom } from "effect/crypto"
import { Base64, Base64Url } from "effect/encoding"
import { SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { KeyFileUnusable, readOrCreateKey } from "./KeyFile.ts"

/** What a secret belongs to. Sealed for one tenant and use, it opens for no other. */
export interface SecretPlace {
  readonly tenant: TenantId
  /** What it is and where it stands, as in `mcp_server 0198…`. */
  readonly use: string
}

const keyBytes = 32
// Random ones may be used for 2^32 texts before two are likely to be the same.
const nonceBytes = 12
const version = "v1"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const boundTo = ({ tenant, use }: SecretPlace) => encoder.encode(JSON.stringify([version, tenant, use]))

/**
 * Secrets at rest: AES-256-GCM under one key of the installation. A sealed text is
 * `v1.<name of the key>.<base64url of nonce and ciphertext>`; the name is of no use to open it, and tells a text of
 * another key from one that was changed.
 */
export class Sealing extends Context.Service<
  Sealing,
  {
    /** Lone surrogates, which UTF-8 does not have, come back as U+FFFD. */
    seal(place: SecretPlace, text: string): Effect.Effect<string>
    open(place: SecretPlace, sealed: string): Effect.Effect<string, SecretUnreadable>
  }
>()("causeway/storage/Sealing") {
  /** With the configured key, 32 bytes in base64, or else one that is generated once and kept in a file. */
  static readonly layer = (configured: Redacted.Redacted | undefined, path: string) =>
    Layer.effect(
      Sealing,
      Effect.gen(function* () {
        const aead = yield* Aead.Aead
        const digest = yield* Digest.Digest
        const random = yield* SecureRandom.SecureRandom

        const kept = Effect.gen(function* () {
          const fresh = Redacted.make(Base64.encode(yield* random.randomBytes(keyBytes)))
          const { created, key } = yield* readOrCreateKey(path, fresh)
          if (created) yield* Effect.logInfo(`Secrets at rest are encrypted with the key in ${path} (new)`)
          return key
        })
        const bytes = yield* Effect.fromResult(Base64.decode(Redacted.value(configured ?? (yield* kept)))).pipe(
          Effect.filterOrFail(
            ({ length }) => length === keyBytes,
            () => new Error(`A key has ${keyBytes} bytes`)
          ),
          Effect.mapError((cause) => new KeyFileUnusable({ path, cause }))
        )
        const key = yield* Effect.orDie(Aead.key(Aead.aes256Gcm, bytes))
        const name = (yield* digest.digestHex(Digest.sha256, bytes)).slice(0, 8)

        const seal = Effect.fn("Sealing.seal")(function* (place: SecretPlace, text: string) {
          const nonce = yield* random.randomBytes(nonceBytes)
          const hidden = yield* Effect.orDie(aead.encrypt(key, encoder.encode(text), { nonce, aad: boundTo(place) }))
          return `${version}.${name}.${Base64Url.encode(Buffer.concat([nonce, hidden]))}`
        })

        const open = Effect.fn("Sealing.open")(function* (place: SecretPlace, sealed: string) {
          const { use } = place
          const [sealedVersion, keyName, content = ""] = sealed.split(".")
          if (sealedVersion !== version) return yield* new SecretUnreadable({ use, reason: "unknown_version" })
          if (keyName !== name) return yield* new SecretUnreadable({ use, reason: "other_key" })
          const parts = yield* Effect.fromResult(
            Result.map(Base64Url.decode(content), (all) => ({
              nonce: all.subarray(0, nonceBytes),
              hidden: all.subarray(nonceBytes)
            }))
          ).pipe(Effect.mapError(() => new SecretUnreadable({ use, reason: "changed" })))
          const opened = yield* aead
            .decrypt(key, parts.hidden, { nonce: parts.nonce, aad: boundTo(place) })
            .pipe(Effect.mapError(() => new SecretUnreadable({ use, reason: "changed" })))
          return decoder.decode(opened)
        })

        return Sealing.of({ seal, open })
      })
    ).pipe(Layer.provide(Aead.layerWebCrypto))
}
