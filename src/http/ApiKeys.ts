import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { ApiKeys, type IssuedKey } from "../services/ApiKeys.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** A new key with its secret, as it is shown once. */
export const issuedKey = ({ apiKey, secret }: IssuedKey) => ({ ...apiKey, key: Redacted.value(secret) })

/** Answers the endpoints of a tenant's keys. */
export const ApiKeysHandlers = HttpApiBuilder.group(
  Api,
  "apiKeys",
  Effect.fn(function* (handlers) {
    const keys = yield* ApiKeys
    return handlers
      .handle(
        "create",
        Effect.fn("apiKeys.create")(function* ({ payload }) {
          return issuedKey(yield* keys.create(yield* CurrentPrincipal, payload.name, payload.scopes))
        })
      )
      .handle(
        "list",
        Effect.fn("apiKeys.list")(function* ({ query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* keys.list(yield* CurrentPrincipal, position, page_size)
          return { api_keys: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "revoke",
        Effect.fn("apiKeys.revoke")(function* ({ params }) {
          return yield* keys.revoke(yield* CurrentPrincipal, params.id)
        })
      )
  })
)
