import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { type IssuedWebhook, Webhooks } from "../services/Webhooks.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

const issued = ({ secret, webhook }: IssuedWebhook) => ({ ...webhook, secret })

/** Answers the endpoints of webhooks. */
export const WebhooksHandlers = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fn(function* (handlers) {
    const webhooks = yield* Webhooks
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
  })
)
