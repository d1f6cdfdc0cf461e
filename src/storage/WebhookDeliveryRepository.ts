import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type DatabaseFailure, DbRefused } from "../domain/errors/StorageErrors.ts"
import { Moment } from "../domain/Moment.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { InstanceId } from "../domain/Run.ts"
import { TenantId } from "../domain/Tenant.ts"
import type { WebhookId } from "../domain/Webhook.ts"
import {
  DeliveredEvent,
  type DeliveryTrouble,
  WebhookDelivery,
  WebhookDeliveryId,
  type WebhookDeliveryStatus
} from "../domain/WebhookDelivery.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { uuids } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"
import { makeWebhookRows, type StoredWebhook, WebhookRow } from "./WebhookRows.ts"

/** A delivery that this instance has for a while. `attempts` tells one holder from the next: only the latest may record. */
export interface ClaimedDelivery {
  readonly id: WebhookDeliveryId
  readonly tenant_id: TenantId
  readonly webhook: StoredWebhook
  readonly event: DeliveredEvent
  readonly data: Schema.Json
  readonly attempts: number
  readonly owner: InstanceId
  /** When what is told was. */
  readonly happened_at: typeof Moment.Type
}

/** What came of an attempt. Times are milliseconds. */
export type AttemptOutcome =
  | { readonly _tag: "Delivered"; readonly status: number }
  | {
      readonly _tag: "Failed"
      readonly reason: DeliveryTrouble
      readonly status: number | null
      /** Null: never again. */
      readonly retry_after: number | null
    }
  /** The endpoint wants to hear nothing more: its webhook is disabled. */
  | { readonly _tag: "Gone"; readonly status: number }

/** Which deliveries are not to be claimed now. */
export interface BusyEndpoints {
  readonly webhooks: ReadonlyArray<WebhookId>
  readonly tenants: ReadonlyArray<TenantId>
}

/** What is still to be told, in seconds. */
const Backlog = Schema.Struct({
  /** Age of the oldest that has not arrived and is not given up. */
  oldest_seconds: Schema.Finite,
  /** For how long the first of those that are due has waited for an instance; what waits behind another is not due. */
  overdue_seconds: Schema.Finite
})
export type Backlog = typeof Backlog.Type

const ClaimedRow = Schema.Struct({
  ...WebhookRow.fields,
  delivery_id: WebhookDeliveryId,
  event: DeliveredEvent,
  data: Schema.Json,
  attempts: Schema.Int,
  happened_at: Moment
})

/** Due deliveries that one statement looks at, to choose from them so that no tenant keeps the others waiting. */
const lookedAt = 200

/** What webhooks are told, in PostgreSQL, until they have heard it. Time is the database's own clock. */
export class WebhookDeliveryRepository extends Context.Service<
  WebhookDeliveryRepository,
  {
    /** Of one webhook, newest first, from after `position`. */
    list(
      tenant: TenantId,
      webhook: WebhookId,
      status: WebhookDeliveryStatus | null,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<WebhookDelivery>, DatabaseFailure>
    find(
      tenant: TenantId,
      webhook: WebhookId,
      id: WebhookDeliveryId
    ): Effect.Effect<Option.Option<WebhookDelivery>, DatabaseFailure>
    /** Has a delivery begin from the beginning, whatever came of it; none when there is no such delivery. */
    again(
      tenant: TenantId,
      webhook: WebhookId,
      id: WebhookDeliveryId
    ): Effect.Effect<Option.Option<WebhookDelivery>, DatabaseFailure>
    /** Has a webhook told that this is a test. */
    test(tenant: TenantId, webhook: WebhookId): Effect.Effect<WebhookDelivery, DatabaseFailure>
    /**
     * Takes deliveries that are due, or whose holder has not been heard of, at most one of each webhook and `perTenant`
     * of each tenant, for the time that their webhooks may take and `slack` milliseconds.
     */
    claim(
      owner: InstanceId,
      slack: number,
      busy: BusyEndpoints,
      limits: { readonly all: number; readonly perTenant: number }
    ): Effect.Effect<ReadonlyArray<ClaimedDelivery>, DatabaseFailure>
    /** Writes down what came of an attempt; false when somebody else has it now, and then nothing was written. */
    record(delivery: ClaimedDelivery, outcome: AttemptOutcome): Effect.Effect<boolean, DatabaseFailure>
    readonly backlog: Effect.Effect<Backlog, DatabaseFailure>
  }
>()("causeway/storage/WebhookDeliveryRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    WebhookDeliveryRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const { open } = yield* makeWebhookRows
      const columns = sql.literal(`id, webhook_id, event, status, attempts,
        CASE WHEN status = 'pending' AND due_at < 'infinity' THEN due_at END AS next_attempt_at,
        last_attempt_at, last_status, last_reason, data, created_at, ended_at`)
      const webhookColumns = sql.literal(
        Object.keys(WebhookRow.fields)
          .map((name) => `webhooks.${name}`)
          .join(", ")
      )
      const row = firstRow(WebhookDelivery)
      const page = pageOf(WebhookDelivery)
      const claimedRows = allRows(ClaimedRow)
      const backlogRow = firstRow(Backlog)

      const claimedOf = (owner: InstanceId) =>
        Effect.fnUntraced(function* (claimed: typeof ClaimedRow.Type) {
          const { attempts, data, delivery_id: id, event, happened_at, ...stored } = claimed
          const { tenant_id } = stored
          const delivery: ClaimedDelivery = {
            id,
            tenant_id,
            webhook: yield* open(stored),
            event,
            data,
            attempts,
            owner,
            happened_at
          }
          return delivery
        })

      const outcomeOf = (outcome: AttemptOutcome) => {
        if (outcome._tag === "Delivered") {
          return sql`status = 'delivered', ended_at = now(), last_status = ${outcome.status}, last_reason = NULL`
        }
        if (outcome._tag === "Gone") {
          return sql`status = 'dead', ended_at = now(), last_status = ${outcome.status}, last_reason = 'gone'`
        }
        const { reason, retry_after, status } = outcome
        const next =
          retry_after === null
            ? sql`status = 'dead', ended_at = now()`
            : sql`due_at = clock_timestamp() + ${retry_after} * interval '1 millisecond'`
        return sql`${next}, last_status = ${status}, last_reason = ${reason}`
      }

      /** Nothing waits in the way of others for a webhook that is told nothing. */
      const disable = ({ tenant_id, webhook }: ClaimedDelivery) =>
        Effect.andThen(
          sql`
            UPDATE webhooks SET enabled = false, disabled_reason = 'gone', updated_at = now()
            WHERE id = ${webhook.id} AND tenant_id = ${tenant_id}`,
          sql`
            UPDATE webhook_deliveries SET due_at = 'infinity'
            WHERE webhook_id = ${webhook.id} AND tenant_id = ${tenant_id} AND status = 'pending'`
        )

      const record = Effect.fn("WebhookDeliveryRepository.record")((
        delivery: ClaimedDelivery,
        outcome: AttemptOutcome
      ) => {
        const { attempts, id, owner, tenant_id } = delivery
        const written = row(sql`
            UPDATE webhook_deliveries SET ${outcomeOf(outcome)}, owner = NULL
            WHERE id = ${id} AND tenant_id = ${tenant_id} AND owner = ${owner} AND attempts = ${attempts}
              AND status = 'pending'
            RETURNING ${columns}`)
        return execute(
          "WebhookDeliveryRepository.record",
          outcome._tag === "Gone"
            ? transaction(Effect.tap(written, (held) => (Option.isSome(held) ? disable(delivery) : Effect.void)))
            : written
        ).pipe(Effect.map(Option.isSome))
      })

      return WebhookDeliveryRepository.of({
        list: Effect.fn("WebhookDeliveryRepository.list")((tenant, webhook, status, position, size) =>
          execute(
            "WebhookDeliveryRepository.list",
            page(
              size,
              sql`
                SELECT ${columns} FROM webhook_deliveries
                WHERE webhook_id = ${webhook} AND tenant_id = ${tenant} AND ${after(sql, position)}
                  AND ${status === null ? sql`true` : sql`status = ${status}`}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
        ),

        find: Effect.fn("WebhookDeliveryRepository.find")((tenant, webhook, id) =>
          execute(
            "WebhookDeliveryRepository.find",
            row(sql`
              SELECT ${columns} FROM webhook_deliveries
              WHERE id = ${id} AND webhook_id = ${webhook} AND tenant_id = ${tenant}`)
          )
        ),

        again: Effect.fn("WebhookDeliveryRepository.again")((tenant, webhook, id) =>
          execute(
            "WebhookDeliveryRepository.again",
            row(sql`
              UPDATE webhook_deliveries
              SET status = 'pending', attempts = 0, owner = NULL, due_at = clock_timestamp(), ended_at = NULL
              WHERE id = ${id} AND webhook_id = ${webhook} AND tenant_id = ${tenant}
              RETURNING ${columns}`)
          )
        ),

        test: Effect.fn("WebhookDeliveryRepository.test")(function* (tenant, webhook) {
          const operation = "WebhookDeliveryRepository.test"
          const made = yield* execute(
            operation,
            row(sql`
              INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, data)
              VALUES (${tenant}, ${webhook}, 'webhook.test', ${"{}"}) RETURNING ${columns}`)
          )
          return Option.isSome(made) ? made.value : yield* new DbRefused({ operation })
        }),

        claim: Effect.fn("WebhookDeliveryRepository.claim")(function* (owner, slack, busy, limits) {
          const claimed = yield* execute(
            "WebhookDeliveryRepository.claim",
            claimedRows(sql`
              WITH due AS MATERIALIZED (
                SELECT told.id, told.webhook_id, told.tenant_id, told.due_at
                FROM webhook_deliveries AS told JOIN webhooks ON webhooks.id = told.webhook_id
                WHERE told.status = 'pending' AND told.due_at <= clock_timestamp() AND webhooks.enabled
                  AND told.webhook_id <> ALL (${uuids(busy.webhooks)})
                  AND told.tenant_id <> ALL (${uuids(busy.tenants)})
                ORDER BY told.due_at LIMIT ${lookedAt}
                FOR UPDATE OF told SKIP LOCKED
              ), ranked AS (
                SELECT id, due_at, row_number() OVER (PARTITION BY webhook_id ORDER BY due_at, id) AS of_webhook,
                  dense_rank() OVER (PARTITION BY tenant_id ORDER BY webhook_id) AS of_tenant
                FROM due
              ), chosen AS (
                SELECT id FROM ranked WHERE of_webhook = 1 AND of_tenant <= ${limits.perTenant}
                ORDER BY due_at LIMIT ${limits.all}
              )
              UPDATE webhook_deliveries AS told SET owner = ${owner}, attempts = told.attempts + 1,
                last_attempt_at = clock_timestamp(),
                due_at = clock_timestamp() + (webhooks.timeout * 1000 + ${slack}) * interval '1 millisecond'
              FROM chosen, webhooks
              WHERE told.id = chosen.id AND webhooks.id = told.webhook_id
              RETURNING ${webhookColumns}, told.id AS delivery_id, told.event, told.data, told.attempts,
                told.created_at AS happened_at`)
          )
          return yield* Effect.forEach(claimed, claimedOf(owner))
        }),

        record,

        backlog: execute(
          "WebhookDeliveryRepository.backlog",
          backlogRow(sql`
            SELECT
              coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds,
              coalesce(extract(epoch FROM clock_timestamp() - min(due_at) FILTER (WHERE NOT is_held)), 0)::float8
                AS overdue_seconds
            FROM (
              SELECT created_at, due_at, due_at > clock_timestamp() OR EXISTS (
                  SELECT FROM webhook_deliveries AS held
                  WHERE held.webhook_id = told.webhook_id AND held.status = 'pending' AND held.owner IS NOT NULL
                    AND held.due_at > clock_timestamp()
                ) AS is_held
              FROM webhook_deliveries AS told WHERE status = 'pending' AND due_at < 'infinity'
            ) AS waiting`)
        ).pipe(
          Effect.map(Option.getOrElse((): Backlog => ({ oldest_seconds: 0, overdue_seconds: 0 }))),
          Effect.withSpan("WebhookDeliveryRepository.backlog")
        )
      })
    })
  )
}
