import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { AgentShares } from "../services/AgentShares.ts"
import { shareHandlers } from "./Shares.ts"

/** Answers the endpoints of shares of agents. */
export const AgentSharesHandlers = HttpApiBuilder.group(
  Api,
  "agentShares",
  Effect.fn(function* (handlers) {
    const shares = yield* AgentShares
    const { create, list, revoke, revokeAll } = shareHandlers(shares)
    return handlers
      .handle(
        "create",
        Effect.fn("agentShares.create")(function* ({ params, query }) {
          const issued = yield* create(params.id, query.expires_in_seconds)
          return { ...issued, share_url: `/api/v1/shared/agents/${issued.share_token}` }
        })
      )
      .handle("list", ({ params, query }) => list(params.id, query))
      .handle("revoke", ({ params }) => revoke(params.id, params.share_id))
      .handle("revokeAll", ({ params }) => revokeAll(params.id))
      .handle(
        "get",
        Effect.fn("agentShares.get")(function* ({ params }) {
          const { share, subject } = yield* shares.find(Redacted.make(params.token))
          const { created_at, description, model, name, prompt, tools, updated_at, version } = subject
          const agent = { name, description, prompt, tools, model, created_at, updated_at }
          return { agent, version, expires_at: share.expires_at }
        })
      )
      .handle(
        "import",
        Effect.fn("agentShares.import")(function* ({ params, payload }) {
          return yield* shares.copy(yield* CurrentPrincipal, Redacted.make(params.token), payload.name)
        })
      )
  })
)
