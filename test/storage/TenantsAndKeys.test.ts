import { assert, describe } from "@effect/vitest"
import { Array, Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { ApiKeyRepository } from "../../src/storage/ApiKeyRepository.ts"
import { RunControlId, RunControlRepository } from "../../src/storage/RunControlRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { TenantRepository } from "../../src/storage/TenantRepository.ts"
import { onBothDatabases } from "./Databases.ts"
import { completed, newApiKey, newKeyHash, newSession, newTenant, newTenantId, started } from "./Fixtures.ts"

onBothDatabases("tenants, keys and controls", (it) => {
  describe("a tenant", () => {
    it.effect("has a name of its own and a first key, or is not made", () =>
      Effect.gen(function* () {
        const tenants = yield* TenantRepository
        const keys = yield* ApiKeyRepository
        const name = `name ${crypto.randomUUID()}`
        const [first, second] = [newTenantId(), newTenantId()]
        const key = newApiKey(first)
        const made = yield* tenants.create(first, name, key)
        assert.deepStrictEqual([made.tenant.id, made.tenant.name, made.key.id], [first, name, key.id])
        assert.isTrue(Option.isSome(yield* keys.findPrincipal(key.hash)))
        const again = yield* Effect.flip(tenants.create(second, name, newApiKey(second)))
        assert.strictEqual(again._tag, "AlreadyExists")
        // Its key cannot be stored, so neither is the tenant.
        const failed = yield* Effect.flip(
          tenants.create(second, `${name} two`, { ...newApiKey(second), hash: key.hash })
        )
        assert.strictEqual(failed._tag, "DbRefused")
        yield* tenants.create(second, `${name} two`, newApiKey(second))
        const listed = yield* tenants.list(null, 1)
        assert.deepStrictEqual(
          listed.items.map(({ id }) => id),
          [second]
        )
        const next = yield* tenants.list(listed.next, 100)
        assert.include(
          next.items.map(({ id }) => id),
          first
        )
        assert.isNull(next.next)
      })
    )
  })

  describe("an API key", () => {
    it.effect("stands for its tenant until it is revoked", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const keys = yield* ApiKeyRepository
        const key = newApiKey(tenant, "name\0")
        const made = Option.getOrThrow(yield* keys.create({ ...key, scopes: ["admin", "query"] }))
        assert.isTrue(Option.isNone(yield* keys.create(newApiKey(newTenantId()))))
        assert.strictEqual(made.name, "name\u{fffd}")
        const principal = Option.getOrThrow(yield* keys.findPrincipal(key.hash))
        assert.deepStrictEqual(
          [principal.tenant_id, principal.api_key_id, principal.api_key_hash, principal.scopes],
          [tenant, key.id, key.hash, ["admin", "query"]]
        )
        assert.isTrue(principal.has("admin"))
        assert.isTrue(Option.isNone(yield* keys.findPrincipal(newKeyHash())))
        assert.isTrue(Option.isNone(yield* keys.revoke(stranger, key.id)))
        const revoked = Option.getOrThrow(yield* keys.revoke(tenant, key.id))
        assert.isNotNull(revoked.key.revoked_at)
        assert.strictEqual(revoked.hash, key.hash)
        assert.deepStrictEqual(yield* keys.revoke(tenant, key.id), Option.some(revoked))
        assert.isTrue(Option.isNone(yield* keys.findPrincipal(key.hash)))
        const page = yield* keys.list(tenant, null, 1)
        assert.deepStrictEqual(
          page.items.map(({ id }) => id),
          [key.id]
        )
        assert.strictEqual((yield* keys.list(tenant, page.next, 1)).items.length, 1)
        assert.isFalse((yield* keys.list(stranger, null, 100)).items.some(({ id }) => id === key.id))
      })
    )

    it.effect("of the operator is made once, by however many instances, and stays revoked", () =>
      Effect.gen(function* () {
        const keys = yield* ApiKeyRepository
        const sql = yield* SqlClient.SqlClient
        const hash = newKeyHash()
        const name = `operators ${hash}`
        const ensure = Effect.suspend(() => {
          const { scopes: _, ...key } = newApiKey(newTenantId(), "operator")
          return keys.ensureOperator({ ...key, hash }, name)
        })
        yield* Effect.all(
          Array.makeBy(5, () => ensure),
          { concurrency: "unbounded" }
        )
        const principal = Option.getOrThrow(yield* keys.findPrincipal(hash))
        assert.isTrue(principal.has("operator") && principal.has("admin") && principal.has("query"))
        assert.isFalse(principal.has("mcp_stdio") || principal.has("bypass_permissions"))
        assert.strictEqual((yield* sql`SELECT id FROM api_keys WHERE tenant_id = ${principal.tenant_id}`).length, 1)
        yield* keys.revoke(principal.tenant_id, principal.api_key_id)
        yield* ensure
        assert.isTrue(Option.isNone(yield* keys.findPrincipal(hash)))
        // A changed key is a second one in the same tenant.
        const { scopes: _, ...changed } = newApiKey(newTenantId(), "operator")
        yield* keys.ensureOperator(changed, name)
        const second = Option.getOrThrow(yield* keys.findPrincipal(changed.hash))
        assert.strictEqual(second.tenant_id, principal.tenant_id)
      })
    )
  })

  describe("an instruction to a run", () => {
    it.effect("is open until it is acknowledged", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const controls = yield* RunControlRepository
        const { lease } = yield* started(tenant, newSession())
        const control = {
          id: RunControlId.make(crypto.randomUUID()),
          run_id: lease.run_id,
          kind: "interrupt" as const,
          change: null
        }
        yield* controls.request(stranger, control)
        assert.deepStrictEqual(yield* controls.open([lease.run_id]), [])
        yield* controls.request(tenant, control)
        yield* controls.request(tenant, control)
        assert.deepStrictEqual(yield* controls.open([lease.run_id]), [control])
        assert.deepStrictEqual(yield* controls.open([]), [])
        assert.isTrue(Option.isNone(yield* controls.acknowledgement(control.id)))
        yield* controls.acknowledge(control.id, null)
        assert.deepEqual(yield* controls.acknowledgement(control.id), Option.some({ refusal: null }))
        assert.deepStrictEqual(yield* controls.open([lease.run_id]), [])
        const runs = yield* RunRepository
        assert.isTrue(yield* runs.finish(lease, [], completed))
      })
    )
  })
})
