import { Context, Effect, Layer } from "effect"
import { McpServerNotFound, type McpServerReadOnly, McpShareNotFound } from "../domain/errors/McpErrors.ts"
import type { McpServer } from "../domain/McpServer.ts"
import { McpShareRepository } from "../storage/McpShareRepository.ts"
import { McpServers } from "./McpServers.ts"
import { viewOfStored } from "./McpServerViews.ts"
import { makeShares, type Shares } from "./Shares.ts"

/** Servers that a tenant shows to others: how they are configured now, without their secrets. */
export class McpShares extends Context.Service<
  McpShares,
  Shares<McpServer, McpServerNotFound | McpServerReadOnly, McpShareNotFound>
>()("causeway/services/McpShares") {
  static readonly layer = Layer.effect(
    McpShares,
    Effect.gen(function* () {
      const { checkOwn } = yield* McpServers
      const shares = yield* makeShares(yield* McpShareRepository, {
        notFound: (mcp_server) => new McpServerNotFound({ mcp_server }),
        notShared: () => new McpShareNotFound()
      })

      return McpShares.of({
        share: (principal, name, seconds) => Effect.andThen(checkOwn(name), shares.share(principal, name, seconds)),
        list: (principal, name, position, size) =>
          Effect.andThen(checkOwn(name), shares.list(principal, name, position, size)),
        revoke: (principal, name, id) => Effect.andThen(checkOwn(name), shares.revoke(principal, name, id)),
        revokeAll: (principal, name) => Effect.andThen(checkOwn(name), shares.revokeAll(principal, name)),
        find: Effect.fn("McpShares.find")(function* (token) {
          const { share, subject } = yield* shares.find(token)
          return { share, subject: yield* viewOfStored(subject) }
        })
      })
    })
  )
}
