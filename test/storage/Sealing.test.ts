import { assert, describe, it } from "@effect/vitest"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Layer, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { TenantId } from "../../src/domain/Tenant.ts"
import { type SecretPlace, Sealing } from "../../src/storage/Sealing.ts"

const tenant = TenantId.make("0198a000-0000-7000-8000-000000000001")
const stranger = TenantId.make("0198a000-0000-7000-8000-000000000002")
const place: SecretPlace = { tenant, use: "mcp_server 1" }

const newKey = () => randomBytes(32).toString("base64")

/** Runs an effect with the sealing of one installation. */
const withKey = <A, E>(key: string | undefined, path: string, effect: Effect.Effect<A, E, Sealing>) =>
  Effect.provide(
    effect,
    Sealing.layer(key === undefined ? undefined : Redacted.make(key), path).pipe(
      Layer.provide([NodeCrypto.layerDigest, SecureRandom.layerWebCrypto])
    )
  )

const seal = (text: string) => Effect.flatMap(Sealing, (sealing) => sealing.seal(place, text))
const open = (sealed: string, at = place) => Effect.flatMap(Sealing, (sealing) => sealing.open(at, sealed))
const refusal = (sealed: string, at = place) => Effect.map(Effect.flip(open(sealed, at)), ({ reason }) => reason)

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "causeway-sealing-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("sealed texts", () => {
  it.effect("open for their tenant and use, and for nobody else", () =>
    withKey(
      newKey(),
      "/nowhere",
      Effect.gen(function* () {
        const text = '{"TOKEN":"s3cret — \u{1f511}\\u0000"}'
        const sealed = yield* seal(text)
        assert.match(sealed, /^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/)
        assert.notInclude(sealed, "s3cret")
        assert.notStrictEqual(yield* seal(text), sealed, "the same text is never the same again")
        assert.strictEqual(yield* open(sealed), text)
        assert.strictEqual(yield* open(yield* seal("")), "")
        assert.strictEqual(yield* refusal(sealed, { tenant: stranger, use: place.use }), "changed")
        assert.strictEqual(yield* refusal(sealed, { tenant, use: "mcp_server 2" }), "changed")
      })
    )
  )

  it.effect("do not open when they were changed, and say so", () =>
    withKey(
      newKey(),
      "/nowhere",
      Effect.gen(function* () {
        const sealed = yield* seal("s3cret")
        const [version, name, content = ""] = sealed.split(".")
        const flipped = `${content.startsWith("A") ? "B" : "A"}${content.slice(1)}`
        for (const changed of [flipped, content.slice(0, -4), "", "AAAA", "not base64!"]) {
          assert.strictEqual(yield* refusal(`${version}.${name}.${changed}`), "changed", changed)
        }
        assert.strictEqual(yield* refusal(`v9.${name}.${content}`), "unknown_version")
        for (const nothing of ["", "s3cret"]) assert.strictEqual(yield* refusal(nothing), "unknown_version")
      })
    )
  )

  it.effect("of another key are told from those that were changed", () =>
    Effect.gen(function* () {
      const sealed = yield* withKey(newKey(), "/nowhere", seal("s3cret"))
      const failure = yield* Effect.flip(withKey(newKey(), "/nowhere", open(sealed)))
      assert.deepInclude(failure, { _tag: "SecretUnreadable", use: place.use, reason: "other_key" })
      assert.notInclude(JSON.stringify(failure), "s3cret")
    })
  )
})

describe("a key that is not configured", () => {
  it.effect("is made once, for its owner's eyes only", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "data", "encryption-key")
      const sealed = yield* withKey(undefined, path, seal("s3cret"))
      const key = (yield* Effect.promise(() => readFile(path, "utf8"))).trim()
      assert.strictEqual(Buffer.from(key, "base64").length, 32)
      assert.strictEqual((yield* Effect.promise(() => stat(path))).mode & 0o777, 0o600)
      assert.strictEqual(yield* withKey(undefined, path, open(sealed)), "s3cret")
      assert.strictEqual(yield* withKey(key, "/nowhere", open(sealed)), "s3cret")
    })
  )

  it.effect("but is kept in a file that holds none, stops the start", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "encryption-key")
      for (const content of ["", "c2hvcnQ=", "not a key"]) {
        yield* Effect.promise(() => writeFile(path, content))
        const failure = yield* Effect.flip(withKey(undefined, path, seal("s3cret")))
        assert.deepInclude(failure, { _tag: "KeyFileUnusable", path })
      }
    })
  )
})
