import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { Tenants } from "../services/Tenants.ts"
import { issuedKey } from "./ApiKeys.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** Answers the endpoints of tenants. */
export const TenantsHandlers = HttpApiBuilder.group(
  Api,
  "tenants",
  Effect.fn(function* (handlers) {
    const tenants = yield* Tenants
    const keys = yield* ApiKeys
    return handlers
      .handle(
        "create",
        Effect.fn("tenants.create")(function* ({ payload }) {
          const { issued, tenant } = yield* tenants.create(payload.name, payload.scopes)
          return { ...tenant, api_key: issuedKey(issued) }
        })
      )
      .handle(
        "createKey",
        Effect.fn("tenants.createKey")(function* ({ params, payload }) {
          return issuedKey(yield* keys.createFor(params.id, payload.name, payload.scopes))
        })
      )
      .handle(
        "list",
        Effect.fn("tenants.list")(function* ({ query: { cursor, page_size = defaultPageSize } }) {
          const page = yield* tenants.list(yield* pagePosition(cursor), page_size)
          return { tenants: page.items, ...pageEnd(page.next) }
        })
      )
  })
)
