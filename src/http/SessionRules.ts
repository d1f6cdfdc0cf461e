import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { SessionRules } from "../services/SessionRules.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** Answers the endpoints of what is allowed for sessions. */
export const SessionRulesHandlers = HttpApiBuilder.group(
  Api,
  "sessionRules",
  Effect.fn(function* (handlers) {
    const rules = yield* SessionRules
    return handlers
      .handle(
        "list",
        Effect.fn("sessionRules.list")(function* ({ params, query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* rules.list(yield* CurrentPrincipal, params.id, position, page_size)
          return { rules: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "revoke",
        Effect.fn("sessionRules.revoke")(function* ({ params }) {
          return yield* rules.revoke(yield* CurrentPrincipal, params.id, params.rule_id)
        })
      )
  })
)
