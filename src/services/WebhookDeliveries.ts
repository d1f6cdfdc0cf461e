import { Context, Effect, Layer, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { DeliveryNotFound, WebhookDisabled, WebhookNotFound } from "../domain/errors/WebhookErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { WebhookId } from "../domain/Webhook.ts"
import type { WebhookDelivery, WebhookDeliveryId, WebhookDeliveryStatus } from "../domain/WebhookDelivery.ts"
import { WebhookDeliveryRepository } from "../storage/WebhookDeliveryRepository.ts"
import { WebhookRepository } from "../storage/WebhookRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** What a tenant's webhooks were told. */
export class WebhookDeliveries extends Context.Service<
  WebhookDeliveries,
  {
    /** Of one webhook, newest first. */
    list(
      principal: Principal,
      webhook: WebhookId,
      status: WebhookDeliveryStatus | null,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<WebhookDelivery>, WebhookNotFound | ReadFailure>
    get(
      principal: Principal,
      webhook: WebhookId,
      id: WebhookDeliveryId
    ): Effect.Effect<WebhookDelivery, DeliveryNotFound | ReadFailure>
    /** Has it told again from the beginning, under the same id, whatever came of it. */
    redeliver(
      principal: Principal,
      webhook: WebhookId,
      id: WebhookDeliveryId
    ): Effect.Effect<WebhookDelivery, WebhookNotFound | DeliveryNotFound | WebhookDisabled | DatabaseFailure>
    /** Has a webhook told that this is a test, which tells nothing else. */
    test(
      principal: Principal,
      webhook: WebhookId
    ): Effect.Effect<WebhookDelivery, WebhookNotFound | WebhookDisabled | DatabaseFailure>
  }
>()("causeway/services/WebhookDeliveries") {
  static readonly layer = Layer.effect(
    WebhookDeliveries,
    Effect.gen(function* () {
      const webhooks = yield* WebhookRepository
      const deliveries = yield* WebhookDeliveryRepository

      const orNotFound =
        (delivery_id: WebhookDeliveryId) =>
        (found: Option.Option<WebhookDelivery>): Effect.Effect<WebhookDelivery, DeliveryNotFound> =>
          Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(new DeliveryNotFound({ delivery_id }))

      const checkEnabled = Effect.fnUntraced(function* ({ tenant_id }: Principal, webhook_id: WebhookId) {
        const found = yield* webhooks.find(tenant_id, webhook_id)
        if (Option.isNone(found)) return yield* new WebhookNotFound({ webhook_id })
        if (!found.value.enabled) return yield* new WebhookDisabled({ webhook_id })
      })

      return WebhookDeliveries.of({
        list: Effect.fn("WebhookDeliveries.list")(function* (principal, webhook, status, position, size) {
          const found = yield* asRead(webhooks.find(principal.tenant_id, webhook))
          if (Option.isNone(found)) return yield* new WebhookNotFound({ webhook_id: webhook })
          return yield* asRead(deliveries.list(principal.tenant_id, webhook, status, position, size))
        }),
        get: Effect.fn("WebhookDeliveries.get")((principal, webhook, id) =>
          Effect.flatMap(asRead(deliveries.find(principal.tenant_id, webhook, id)), orNotFound(id))
        ),
        redeliver: Effect.fn("WebhookDeliveries.redeliver")(function* (principal, webhook, id) {
          yield* checkEnabled(principal, webhook)
          return yield* Effect.flatMap(deliveries.again(principal.tenant_id, webhook, id), orNotFound(id))
        }),
        test: Effect.fn("WebhookDeliveries.test")(function* (principal, webhook) {
          yield* checkEnabled(principal, webhook)
          return yield* deliveries.test(principal.tenant_id, webhook)
        })
      })
    })
  )
}
