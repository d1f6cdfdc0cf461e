import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Agents } from "../services/Agents.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"
import { namedResourceHandlers } from "./NamedResources.ts"

/** Answers the endpoints of a tenant's agents. */
export const AgentsHandlers = HttpApiBuilder.group(
  Api,
  "agents",
  Effect.fn(function* (handlers) {
    const agents = yield* Agents
    const answers = namedResourceHandlers(agents)
    return handlers
      .handle("create", answers.create)
      .handle("import", ({ payload: { updated_at: _updated, ...document } }) => answers.create({ payload: document }))
      .handle("list", ({ query }) => Effect.map(answers.list(query), ({ end, items }) => ({ agents: items, ...end })))
      .handle("get", answers.get)
      .handle("update", answers.update)
      .handle("delete", answers.delete)
      .handle(
        "versions",
        Effect.fn("agents.versions")(function* ({ params, query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* agents.versions(yield* CurrentPrincipal, params.id, position, page_size)
          return { versions: page.items, ...pageEnd(page.next) }
        })
      )
  })
)
