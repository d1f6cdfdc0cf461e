import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { McpServer } from "../domain/McpServer.ts"
import { McpServers } from "../services/McpServers.ts"
import { McpShares } from "../services/McpShares.ts"
import { shareHandlers } from "./Shares.ts"

const shown = ({ allowed_tools, args, command, env, headers, name, transport_type: type, url }: McpServer) => ({
  name,
  config: { type, command, args, url, headers, env, allowed_tools }
})

/** Answers the endpoints of shares of MCP servers. */
export const McpSharesHandlers = HttpApiBuilder.group(
  Api,
  "mcpShares",
  Effect.fn(function* (handlers) {
    const servers = yield* McpServers
    const shares = yield* McpShares
    const { create, list, revoke, revokeAll } = shareHandlers(shares)
    return handlers
      .handle(
        "create",
        Effect.fn("mcpShares.create")(function* ({ params, query }) {
          const issued = yield* create(params.name, query.expires_in_seconds)
          const { view } = yield* servers.find(yield* CurrentPrincipal, params.name)
          return { ...shown(view), ...issued }
        })
      )
      .handle("list", ({ params, query }) => list(params.name, query))
      .handle("revoke", ({ params }) => revoke(params.name, params.share_id))
      .handle("revokeAll", ({ params }) => revokeAll(params.name))
      .handle(
        "get",
        Effect.fn("mcpShares.get")(function* ({ headers }) {
          const { share, subject } = yield* shares.find(Redacted.make(headers["x-share-token"]))
          const { created_at, expires_at } = share
          return { ...shown(subject), created_at, expires_at }
        })
      )
  })
)
