import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { WebhookDeliveries } from "../services/WebhookDeliveries.ts"
import { type IssuedWebhook, Webhooks } from "../services/Webhooks.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

const issued = ({ secret, webhook }: IssuedWebhook) => ({ ...webhook, secret })

/** Answers the endpoints of webhooks. */
export const WebhooksHandlers = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fn(function* (handlers) {
    const webhooks = yield* Webhooks
    const deliveries = yield* WebhookDeliveries
    return handlers
      .handle(
        "create",
        Effect.fn("webhooks.create")(function* ({ payload }) {
          return issued(yield* webhooks.create(yield* CurrentPrincipal, payload))
        })
      )
      .handle(
        "list",
        Effect.fn("webhooks.list")(function* ({ query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* webhooks.list(yield* CurrentPrincipal, position, page_size)
          return { webhooks: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "get",
        Effect.fn("webhooks.get")(function* ({ params }) {
          return yield* webhooks.get(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "update",
        Effect.fn("webhooks.update")(function* ({ params, payload }) {
          return yield* webhooks.update(yield* CurrentPrincipal, params.id, payload)
        })
      )
      .handle(
        "rotateSecret",
        Effect.fn("webhooks.rotateSecret")(function* ({ params, payload }) {
          return issued(yield* webhooks.rotate(yield* CurrentPrincipal, params.id, payload))
        })
      )
      .handle(
        "delete",
        Effect.fn("webhooks.delete")(function* ({ params }) {
          return yield* webhooks.delete(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "test",
        Effect.fn("webhooks.test")(function* ({ params }) {
          return yield* deliveries.test(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "deliveries",
        Effect.fn("webhooks.deliveries")(function* ({ params, query }) {
          const { cursor, page_size = defaultPageSize, status = null } = query
          const position = yield* pagePosition(cursor)
          const page = yield* deliveries.list(yield* CurrentPrincipal, params.id, status, position, page_size)
          return { deliveries: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "delivery",
        Effect.fn("webhooks.delivery")(function* ({ params }) {
          return yield* deliveries.get(yield* CurrentPrincipal, params.id, params.delivery)
        })
      )
      .handle(
        "redeliver",
        Effect.fn("webhooks.redeliver")(function* ({ params }) {
          return yield* deliveries.redeliver(yield* CurrentPrincipal, params.id, params.delivery)
        })
      )
  })
)
