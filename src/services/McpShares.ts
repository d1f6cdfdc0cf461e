import { Context, type DateTime, Effect, Layer, Option, type Redacted } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { McpServerNotFound, type McpServerReadOnly, McpShareNotFound } from "../domain/errors/McpErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { McpServer } from "../domain/McpServer.ts"
import { Settings } from "../domain/Settings.ts"
import { McpShareRepository } from "../storage/McpShareRepository.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"
import { McpServers } from "./McpServers.ts"
import { viewOfStored } from "./McpServerViews.ts"

/** What is shown of a server under a token. */
export interface SharedMcpServer {
  readonly server: McpServer
  readonly created_at: DateTime.Utc
}

/** A share that was just made. Its token can be seen here and never again. */
export interface IssuedMcpShare extends SharedMcpServer {
  readonly token: Redacted.Redacted
  readonly expires_at: DateTime.Utc
}

type OwnFailure = McpServerNotFound | McpServerReadOnly | DatabaseFailure

/** Servers that a tenant shows to others: how they are configured now, without their secrets. */
export class McpShares extends Context.Service<
  McpShares,
  {
    /** Lets everybody who has the token see a server for MCP_SHARE_LIFE. */
    share(principal: Principal, name: string): Effect.Effect<IssuedMcpShare, OwnFailure>
    /** Takes all shares of a server back. */
    revoke(principal: Principal, name: string): Effect.Effect<void, OwnFailure>
    /** What a token shows, whosever it is. */
    find(token: Redacted.Redacted): Effect.Effect<SharedMcpServer, McpShareNotFound | DatabaseFailure>
  }
>()("causeway/services/McpShares") {
  static readonly layer = Layer.effect(
    McpShares,
    Effect.gen(function* () {
      const { mcpShareLife } = yield* Settings
      const repository = yield* McpShareRepository
      const servers = yield* McpServers
      const secrets = yield* makeSecrets

      const share = Effect.fn("McpShares.share")(function* (principal: Principal, name: string) {
        yield* servers.checkOwn(name)
        const { view } = yield* servers.find(principal, name)
        const { hash, secret } = yield* secrets.issue
        const term = yield* repository.create(principal.tenant_id, name, hash, mcpShareLife)
        if (Option.isNone(term)) return yield* new McpServerNotFound({ mcp_server: name })
        return { token: secret, server: view, ...term.value }
      })

      const revoke = Effect.fn("McpShares.revoke")(function* (principal: Principal, name: string) {
        yield* servers.checkOwn(name)
        if (!(yield* repository.revoke(principal.tenant_id, name)))
          return yield* new McpServerNotFound({ mcp_server: name })
      })

      const find = Effect.fn("McpShares.find")(function* (token: Redacted.Redacted) {
        const found = yield* repository.find(yield* secrets.hash(token))
        if (Option.isNone(found)) return yield* new McpShareNotFound()
        return { server: yield* viewOfStored(found.value.server), created_at: found.value.shared_at }
      })

      return McpShares.of({ share, revoke, find })
    })
  )
}
