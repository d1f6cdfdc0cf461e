import { assert, describe } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { InstanceId } from "../../src/domain/Run.ts"
import type { TenantId } from "../../src/domain/Tenant.ts"
import { WebhookId } from "../../src/domain/Webhook.ts"
import { RetentionRepository } from "../../src/storage/RetentionRepository.ts"
import { type BusyEndpoints, WebhookDeliveryRepository } from "../../src/storage/WebhookDeliveryRepository.ts"
import { WebhookRepository } from "../../src/storage/WebhookRepository.ts"
import { onServerDatabase } from "./Databases.ts"
import { existing, finishedRun, newSession, newTenant, otherInstance, started, thisInstance } from "./Fixtures.ts"
import { planOf } from "./Plans.ts"

const second = 1000
const nobody: BusyEndpoints = { webhooks: [], tenants: [] }
const many = { all: 1000, perTenant: 1000 }

const newWebhook = Effect.fnUntraced(function* (tenant: TenantId, enabled = true) {
  const webhooks = yield* WebhookRepository
  const id = WebhookId.make(crypto.randomUUID())
  const settings = { url: "https://ops.example.org/", headers: {}, secret: "whsec_", previous_secret: null }
  yield* webhooks.create(
    tenant,
    id,
    {
      settings,
      events: ["run.ended"],
      matcher: null,
      timeout: 1,
      enabled,
      disabled_reason: null,
      description: null,
      previous_secret_until: null
    },
    10
  )
  return id
})

/** What an instance gets of a tenant's, when it takes all that it can. */
const claimedOf = Effect.fnUntraced(function* (tenant: TenantId, owner: InstanceId, busy = nobody, limits = many) {
  const deliveries = yield* WebhookDeliveryRepository
  const claimed = yield* deliveries.claim(owner, 15 * second, busy, limits)
  return claimed.filter(({ tenant_id }) => tenant_id === tenant)
})

const listOf = Effect.fnUntraced(function* (tenant: TenantId, webhook: WebhookId) {
  const deliveries = yield* WebhookDeliveryRepository
  return (yield* deliveries.list(tenant, webhook, null, null, 50)).items
})

onServerDatabase("what webhooks are told", (it) => {
  describe("in the outbox", () => {
    it.effect("stands there when a run has ended, for those that are enabled, and for no other tenant's", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const other = yield* newTenant
        const [one, off, foreign] = [
          yield* newWebhook(tenant),
          yield* newWebhook(tenant, false),
          yield* newWebhook(other)
        ]
        const { run_id, session_id } = yield* finishedRun(tenant, newSession(), 2)
        yield* started(tenant, existing(session_id))
        assert.lengthOf(yield* listOf(tenant, one), 1)
        const [told] = yield* listOf(tenant, one)
        assert.deepInclude(told?.data, { run_id, session_id, status: "completed", num_turns: 2, total_cost_usd: 0.25 })
        assert.isEmpty([...(yield* listOf(tenant, off)), ...(yield* listOf(other, foreign))])
      })
    )

    it.effect("is one instance's at a time, and another's when nobody hears of it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const deliveries = yield* WebhookDeliveryRepository
        const tenant = yield* newTenant
        const webhook = yield* newWebhook(tenant)
        yield* deliveries.test(tenant, webhook)
        const [mine] = yield* claimedOf(tenant, thisInstance)
        if (mine === undefined) return assert.fail("nothing was claimed")
        assert.isEmpty(yield* claimedOf(tenant, otherInstance))
        yield* sql`UPDATE webhook_deliveries SET due_at = clock_timestamp() WHERE id = ${mine.id}`
        const [theirs] = yield* claimedOf(tenant, otherInstance)
        assert.deepInclude(theirs, { id: mine.id, attempts: 2, owner: otherInstance })
        assert.isFalse(yield* deliveries.record(mine, { _tag: "Delivered", status: 200 }))
        assert.deepInclude((yield* listOf(tenant, webhook))[0], { status: "pending", last_status: null })
        if (theirs === undefined) return
        assert.isTrue(yield* deliveries.record(theirs, { _tag: "Delivered", status: 204 }))
        assert.isFalse(yield* deliveries.record(theirs, { _tag: "Delivered", status: 204 }))
        assert.deepInclude((yield* listOf(tenant, webhook))[0], {
          status: "delivered",
          last_status: 204,
          next_attempt_at: null
        })
      })
    )

    it.effect("is taken so that no webhook and no tenant keeps the others waiting", () =>
      Effect.gen(function* () {
        const deliveries = yield* WebhookDeliveryRepository
        const tenant = yield* newTenant
        const other = yield* newTenant
        const webhooks = [yield* newWebhook(tenant), yield* newWebhook(tenant), yield* newWebhook(tenant)]
        for (const webhook of webhooks) {
          for (let times = 0; times < 3; times++) yield* deliveries.test(tenant, webhook)
        }
        const late = yield* newWebhook(other)
        yield* deliveries.test(other, late)
        const claimed = yield* deliveries.claim(thisInstance, second, nobody, { ...many, perTenant: 2 })
        const first = claimed.filter(({ tenant_id }) => tenant_id === tenant || tenant_id === other)
        const tenants = first.map(({ tenant_id }) => tenant_id)
        assert.sameMembers(tenants, [tenant, tenant, other])
        assert.lengthOf([...new Set(first.map(({ webhook }) => webhook.id))], 3)
        const busy = { webhooks: first.map(({ webhook }) => webhook.id), tenants: [] }
        assert.lengthOf(yield* claimedOf(tenant, thisInstance, busy), 1)
        assert.isEmpty(yield* claimedOf(tenant, thisInstance, { webhooks: [], tenants: [tenant] }))
      })
    )

    it.effect("waits for a webhook that is disabled, and goes on when it is enabled", () =>
      Effect.gen(function* () {
        const deliveries = yield* WebhookDeliveryRepository
        const webhooks = yield* WebhookRepository
        const tenant = yield* newTenant
        const webhook = yield* newWebhook(tenant)
        yield* deliveries.test(tenant, webhook)
        yield* deliveries.test(tenant, webhook)
        const [mine] = yield* claimedOf(tenant, thisInstance)
        if (mine === undefined) return assert.fail("nothing was claimed")
        assert.isTrue(yield* deliveries.record(mine, { _tag: "Gone", status: 410 }))
        const stored = yield* webhooks.find(tenant, webhook)
        assert.isTrue(Option.exists(stored, ({ disabled_reason, enabled }) => !enabled && disabled_reason === "gone"))
        assert.deepEqual(
          (yield* listOf(tenant, webhook)).map(({ next_attempt_at, status }) => [status, next_attempt_at]),
          [
            ["pending", null],
            ["dead", null]
          ]
        )
        assert.isEmpty(yield* claimedOf(tenant, thisInstance))
        if (Option.isNone(stored)) return
        const { settings: _settings, ...kept } = stored.value
        const settings = { url: "https://ops.example.org/", headers: {}, secret: "whsec_", previous_secret: null }
        yield* webhooks.change(tenant, webhook, () => Effect.succeed({ ...kept, settings, enabled: true }))
        assert.lengthOf(yield* claimedOf(tenant, thisInstance), 1)
      })
    )

    it.effect("is measured while it waits, and goes after its time", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const deliveries = yield* WebhookDeliveryRepository
        const retention = yield* RetentionRepository
        const tenant = yield* newTenant
        const webhook = yield* newWebhook(tenant)
        for (let times = 0; times < 3; times++) yield* deliveries.test(tenant, webhook)
        const [heard, waits] = yield* listOf(tenant, webhook)
        yield* sql`
          UPDATE webhook_deliveries SET created_at = now() - interval '40 days', due_at = now() - interval '1 minute'
          WHERE webhook_id = ${webhook}`
        yield* sql`UPDATE webhook_deliveries SET status = 'delivered' WHERE id = ${heard?.id ?? ""}`
        yield* sql`UPDATE webhook_deliveries SET due_at = 'infinity' WHERE id = ${waits?.id ?? ""}`
        const backlog = yield* deliveries.backlog
        assert.isAtLeast(backlog.oldest_seconds, 40 * 86_400)
        assert.isAtLeast(backlog.overdue_seconds, 60)
        assert.strictEqual(yield* retention.removeDeliveries(30 * 86_400 * second, 100), 2)
        assert.lengthOf(yield* listOf(tenant, webhook), 1)
      })
    )
  })
})

onServerDatabase("the outbox of a busy installation", (it) => {
  describe("with thousands of rows", () => {
    it.effect("is read by indexes", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const deliveries = yield* WebhookDeliveryRepository
        const retention = yield* RetentionRepository
        const tenant = yield* newTenant
        const webhook = yield* newWebhook(tenant)
        yield* sql`
          INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, data, status, due_at)
          SELECT ${tenant}, ${webhook}, 'webhook.test', '{}', (ARRAY['pending', 'dead', 'delivered'])[least(number % 100 + 1, 3)],
            now() + number * interval '1 second'
          FROM generate_series(1, 20000) number`
        yield* sql`VACUUM ANALYZE`
        const expectIndex = <A, E, R>(call: Effect.Effect<A, E, R>, index: string) =>
          Effect.map(planOf(call), (plan) => {
            assert.include(plan, index)
            assert.notInclude(plan, "Seq Scan on webhook_deliveries")
          })
        yield* expectIndex(deliveries.list(tenant, webhook, null, null, 50), "webhook_deliveries_by_webhook")
        yield* expectIndex(deliveries.list(tenant, webhook, "dead", null, 50), "webhook_deliveries_by_status")
        yield* expectIndex(deliveries.claim(thisInstance, second, nobody, many), "webhook_deliveries_due")
        yield* expectIndex(deliveries.backlog, "webhook_deliveries_due")
        yield* expectIndex(retention.removeDeliveries(1000 * second, 100), "webhook_deliveries_by_age")
        const webhooks = yield* WebhookRepository
        assert.isTrue(yield* webhooks.delete(tenant, webhook))
        assert.isFalse(yield* webhooks.delete(tenant, webhook))
        assert.isEmpty(yield* listOf(tenant, webhook))
      })
    )
  })
})
