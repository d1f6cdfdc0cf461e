import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { McpInquiries } from "../services/McpInquiries.ts"
import { McpServers } from "../services/McpServers.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** Answers the endpoints of MCP servers. */
export const McpServersHandlers = HttpApiBuilder.group(
  Api,
  "mcpServers",
  Effect.fn(function* (handlers) {
    const servers = yield* McpServers
    const inquiries = yield* McpInquiries

    return handlers
      .handle(
        "list",
        Effect.fn("mcpServers.list")(function* ({ query: { cursor, page_size = defaultPageSize, source } }) {
          const position = yield* pagePosition(cursor)
          const sources = { filesystem: source !== "database", database: source !== "filesystem" }
          const page = yield* servers.list(yield* CurrentPrincipal, sources, position, page_size)
          return { servers: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "create",
        Effect.fn("mcpServers.create")(function* ({ payload: { config, name, type } }) {
          return yield* servers.create(yield* CurrentPrincipal, name, type, config)
        })
      )
      .handle(
        "get",
        Effect.fn("mcpServers.get")(function* ({ params }) {
          return yield* inquiries.get(yield* CurrentPrincipal, params.name)
        })
      )
      .handle(
        "update",
        Effect.fn("mcpServers.update")(function* ({ params, payload: { config = {}, type } }) {
          return yield* servers.update(yield* CurrentPrincipal, params.name, type, config)
        })
      )
      .handle(
        "delete",
        Effect.fn("mcpServers.delete")(function* ({ params }) {
          return yield* servers.delete(yield* CurrentPrincipal, params.name)
        })
      )
      .handle(
        "resources",
        Effect.fn("mcpServers.resources")(function* ({ params }) {
          return { resources: yield* inquiries.resources(yield* CurrentPrincipal, params.name) }
        })
      )
      .handle(
        "resource",
        Effect.fn("mcpServers.resource")(function* ({ params }) {
          return yield* inquiries.read(yield* CurrentPrincipal, params.name, params.uri)
        })
      )
  })
)
