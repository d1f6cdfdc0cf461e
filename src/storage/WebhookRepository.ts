import { Context, type DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import type { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { type DatabaseFailure, DbRefused, type SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { WebhookNotFound } from "../domain/errors/WebhookErrors.ts"
import { HookEvent } from "../domain/Hook.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { WebhookId, WebhookSettings } from "../domain/Webhook.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { texts } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"
import { makeWebhookRows, type StoredWebhook, WebhookRow } from "./WebhookRows.ts"

/** Deliveries that one statement removes. */
const batch = 5000

/** What is kept of a webhook beside what the database gives it. */
export interface WebhookContent extends Pick<
  StoredWebhook,
  "events" | "matcher" | "timeout" | "enabled" | "disabled_reason" | "description"
> {
  readonly settings: WebhookSettings
  readonly previous_secret_until: DateTime.Utc | null
}

/** Tenants' webhooks in PostgreSQL, their settings sealed. Every method sees one tenant's only. */
export class WebhookRepository extends Context.Service<
  WebhookRepository,
  {
    /** Stores a webhook unless the tenant has `most` already. */
    create(
      tenant: TenantId,
      id: WebhookId,
      content: WebhookContent,
      most: number
    ): Effect.Effect<StoredWebhook, ResourceLimitReached | DatabaseFailure>
    /** Newest first, from after `position`. */
    list(
      tenant: TenantId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<StoredWebhook>, DatabaseFailure>
    find(tenant: TenantId, id: WebhookId): Effect.Effect<Option.Option<StoredWebhook>, DatabaseFailure>
    /** Puts what `next` makes of the old content in its place. Changes of one webhook take turns. */
    change<E extends ValidationFailed | SecretUnreadable>(
      tenant: TenantId,
      id: WebhookId,
      next: (stored: StoredWebhook) => Effect.Effect<WebhookContent, E>
    ): Effect.Effect<StoredWebhook, E | WebhookNotFound | DatabaseFailure>
    /** Whether there was one. What it was told goes with it; if that fails half-way, it is disabled and can be deleted again. */
    delete(tenant: TenantId, id: WebhookId): Effect.Effect<boolean, DatabaseFailure>
    /** Those of a tenant that are enabled and asked while agents work, oldest first. */
    binding(tenant: TenantId): Effect.Effect<ReadonlyArray<StoredWebhook>, DatabaseFailure>
  }
>()("causeway/storage/WebhookRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    WebhookRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const { open, seal } = yield* makeWebhookRows
      const columns = sql.literal(Object.keys(WebhookRow.fields).join(", "))
      const row = firstRow(WebhookRow)
      const rows = allRows(WebhookRow)
      const page = pageOf(WebhookRow)

      const encodeUntil = Schema.encodeSync(WebhookRow.fields.previous_secret_until)

      const valuesOf = Effect.fnUntraced(function* (tenant: TenantId, id: WebhookId, content: WebhookContent) {
        const { description, disabled_reason, enabled, events, matcher, settings, timeout } = content
        return {
          description,
          disabled_reason,
          enabled,
          events: texts(events),
          matcher,
          timeout,
          settings: yield* seal(tenant, id, settings),
          previous_secret_until: encodeUntil(content.previous_secret_until)
        }
      })

      const create = Effect.fn("WebhookRepository.create")(function* (
        tenant: TenantId,
        id: WebhookId,
        content: WebhookContent,
        most: number
      ) {
        const operation = "WebhookRepository.create"
        const values = yield* valuesOf(tenant, id, content)
        const insert = Effect.gen(function* () {
          const kept = yield* sql`SELECT FROM webhooks WHERE tenant_id = ${tenant} LIMIT ${most}`
          if (kept.length >= most) return yield* new ResourceLimitReached({ resource: "webhook", limit: most })
          return yield* row(
            sql`INSERT INTO webhooks ${sql.insert({ id, tenant_id: tenant, ...values })} RETURNING ${columns}`
          )
        })
        const created = yield* execute(operation, insert)
        return yield* Option.isSome(created) ? open(created.value) : Effect.fail(new DbRefused({ operation }))
      })

      const list = Effect.fn("WebhookRepository.list")(function* (
        tenant: TenantId,
        position: PagePosition | null,
        size: number
      ) {
        const { items, next } = yield* execute(
          "WebhookRepository.list",
          page(
            size,
            sql`
              SELECT ${columns} FROM webhooks WHERE tenant_id = ${tenant} AND ${after(sql, position)}
              ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
          )
        )
        return { items: yield* Effect.forEach(items, open), next }
      })

      const find = Effect.fn("WebhookRepository.find")((tenant: TenantId, id: WebhookId) =>
        execute(
          "WebhookRepository.find",
          row(sql`SELECT ${columns} FROM webhooks WHERE id = ${id} AND tenant_id = ${tenant}`)
        ).pipe(
          Effect.flatMap((found) => (Option.isSome(found) ? Effect.asSome(open(found.value)) : Effect.succeedNone))
        )
      )

      const change = Effect.fn("WebhookRepository.change")(
        <E>(tenant: TenantId, id: WebhookId, next: (stored: StoredWebhook) => Effect.Effect<WebhookContent, E>) =>
          execute(
            "WebhookRepository.change",
            transaction(
              Effect.gen(function* () {
                const found = yield* row(
                  sql`SELECT ${columns} FROM webhooks WHERE id = ${id} AND tenant_id = ${tenant} FOR NO KEY UPDATE`
                )
                if (Option.isNone(found)) return yield* new WebhookNotFound({ webhook_id: id })
                const content = yield* next(yield* open(found.value))
                const changed = yield* row(sql`
                  UPDATE webhooks SET ${sql.update(yield* valuesOf(tenant, id, content))}, updated_at = now()
                  WHERE id = ${id} AND tenant_id = ${tenant} RETURNING ${columns}`)
                if (Option.isNone(changed)) return yield* new WebhookNotFound({ webhook_id: id })
                if (content.enabled !== found.value.enabled)
                  yield* sql`
                  UPDATE webhook_deliveries
                  SET due_at = ${content.enabled ? sql`clock_timestamp()` : sql`'infinity'::timestamptz`}
                  WHERE webhook_id = ${id} AND status = 'pending'`
                return yield* open(changed.value)
              })
            )
          )
      )

      /** What it was told goes first, a part at a time: of a busy one there is more than one statement may take. */
      const forget = Effect.fnUntraced(function* (tenant: TenantId, id: WebhookId) {
        for (;;) {
          const forgotten = yield* execute(
            "WebhookRepository.delete",
            sql`
              DELETE FROM webhook_deliveries WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE webhook_id = ${id} AND tenant_id = ${tenant} LIMIT ${batch}
              ) RETURNING id`
          )
          if (forgotten.length < batch) return
        }
      })

      const remove = Effect.fn("WebhookRepository.delete")(function* (tenant: TenantId, id: WebhookId) {
        const ended = yield* execute(
          "WebhookRepository.delete",
          row(sql`UPDATE webhooks SET enabled = false WHERE id = ${id} AND tenant_id = ${tenant} RETURNING ${columns}`)
        )
        if (Option.isNone(ended)) return false
        yield* forget(tenant, id)
        return yield* execute(
          "WebhookRepository.delete",
          row(sql`DELETE FROM webhooks WHERE id = ${id} AND tenant_id = ${tenant} RETURNING ${columns}`)
        ).pipe(Effect.map(Option.isSome))
      })

      const binding = Effect.fn("WebhookRepository.binding")((tenant: TenantId) =>
        execute(
          "WebhookRepository.binding",
          rows(sql`
            SELECT ${columns} FROM webhooks
            WHERE tenant_id = ${tenant} AND enabled AND events && ${texts(HookEvent.literals)}
            ORDER BY created_at, id`)
        ).pipe(Effect.flatMap(Effect.forEach(open)))
      )

      return WebhookRepository.of({ create, list, find, change, delete: remove, binding })
    })
  )
}
