import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Agents } from "../services/Agents.ts"
import { AgentShares } from "../services/AgentShares.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"
import { namedResourceHandlers } from "./NamedResources.ts"

/** How long a share holds when the client does not say: 7 days, in seconds. */
const shareSeconds = 604_800

/** Answers the endpoints of a tenant's agents. */
export const AgentsHandlers = HttpApiBuilder.group(
  Api,
  "agents",
  Effect.fn(function* (handlers) {
    const agents = yield* Agents
    const shares = yield* AgentShares
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
      .handle(
        "share",
        Effect.fn("agents.share")(function* ({ params, query: { expires_in_seconds = shareSeconds } }) {
          const { token, ...term } = yield* shares.share(yield* CurrentPrincipal, params.id, expires_in_seconds)
          const share_token = Redacted.value(token)
          return { share_token, share_url: `/api/v1/shared/agents/${share_token}`, ...term }
        })
      )
      .handle(
        "unshare",
        Effect.fn("agents.unshare")(function* ({ params }) {
          yield* shares.revoke(yield* CurrentPrincipal, params.id)
        })
      )
  })
)

/** Answers the endpoints of agents that other tenants have shared. */
export const SharedAgentsHandlers = HttpApiBuilder.group(
  Api,
  "sharedAgents",
  Effect.fn(function* (handlers) {
    const shares = yield* AgentShares
    return handlers
      .handle(
        "get",
        Effect.fn("sharedAgents.get")(function* ({ params }) {
          const { agent, expires_at } = yield* shares.find(Redacted.make(params.token))
          const { created_at, description, model, name, prompt, tools, updated_at, version } = agent
          return { agent: { name, description, prompt, tools, model, created_at, updated_at }, version, expires_at }
        })
      )
      .handle(
        "import",
        Effect.fn("sharedAgents.import")(function* ({ params, payload }) {
          return yield* shares.copy(yield* CurrentPrincipal, Redacted.make(params.token), payload.name)
        })
      )
  })
)
