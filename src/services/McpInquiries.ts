import { Context, Effect, Layer, Result } from "effect"
import { McpClients, type McpSubject } from "../agent/McpClients.ts"
import type { Principal } from "../domain/ApiKey.ts"
import {
  type McpResourceNotFound,
  McpServerFailed,
  type McpServerNotFound,
  mcpTroubles
} from "../domain/errors/McpErrors.ts"
import type { DatabaseFailure, SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { type McpResource, type McpResourceContent, McpServer, type McpSettings } from "../domain/McpServer.ts"
import { McpRelay } from "../outbound/McpRelay.ts"
import { type KnownMcpServer, McpServers } from "./McpServers.ts"

/** Most bytes that a server that is reached by HTTP may answer with. */
const mostAnswerBytes = 10 * 1024 * 1024

type AskFailure = McpServerNotFound | McpServerFailed | SecretUnreadable | DatabaseFailure

/** Questions to MCP servers themselves, which answer as they are now. */
export class McpInquiries extends Context.Service<
  McpInquiries,
  {
    /** The server with what it turns out to be when it is called: that is its status. */
    get(principal: Principal, name: string): Effect.Effect<McpServer, McpServerNotFound | DatabaseFailure>
    resources(principal: Principal, name: string): Effect.Effect<ReadonlyArray<McpResource>, AskFailure>
    read(
      principal: Principal,
      name: string,
      uri: string
    ): Effect.Effect<McpResourceContent, McpResourceNotFound | AskFailure>
  }
>()("causeway/services/McpInquiries") {
  static readonly layer = Layer.effect(
    McpInquiries,
    Effect.gen(function* () {
      const servers = yield* McpServers
      const clients = yield* McpClients
      const relay = yield* McpRelay

      /** Has a server answer a question; one that is reached by HTTP is reached through the relay. */
      const ask = <A, E>(
        { tenant_id }: Principal,
        { trusted, view: { name } }: KnownMcpServer,
        { connection }: McpSettings,
        question: (subject: McpSubject) => Effect.Effect<A, E>
      ) =>
        Effect.scoped(
          Effect.gen(function* () {
            if (connection.type === "stdio") return yield* question({ tenant_id, name, connection })
            const relayed = yield* relay.open(connection, { trusted, maxAnswerBytes: mostAnswerBytes })
            return yield* question({ tenant_id, name, connection: relayed })
          })
        )

      const get = Effect.fn("McpInquiries.get")(function* (principal: Principal, name: string) {
        const known = yield* servers.find(principal, name)
        const { settings, view } = known
        if (!view.enabled || Result.isFailure(settings)) return view
        return yield* ask(principal, known, settings.success, clients.greet).pipe(
          Effect.match({
            onFailure: ({ reason }) => new McpServer({ ...view, status: "failed", error: mcpTroubles[reason] }),
            onSuccess: () => new McpServer({ ...view, status: "connected" })
          })
        )
      })

      const askByName = Effect.fnUntraced(function* <A, E>(
        principal: Principal,
        name: string,
        question: (subject: McpSubject) => Effect.Effect<A, E>
      ) {
        const known = yield* servers.find(principal, name)
        const settings = yield* Effect.fromResult(known.settings)
        if (!known.view.enabled) return yield* new McpServerFailed({ mcp_server: name, reason: "disabled" })
        return yield* ask(principal, known, settings, question)
      })

      return McpInquiries.of({
        get,
        resources: Effect.fn("McpInquiries.resources")((principal, name) =>
          askByName(principal, name, clients.resources)
        ),
        read: Effect.fn("McpInquiries.read")((principal, name, uri) =>
          askByName(principal, name, (subject) => clients.read(subject, uri))
        )
      })
    })
  )
}
