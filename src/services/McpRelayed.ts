import { Effect, type Scope } from "effect"
import type { EquippedMcpServer } from "../domain/AgentEquipment.ts"
import { McpRelay } from "../outbound/McpRelay.ts"

/** A server as an agent gets it: one that is reached by HTTP is reached through us, as long as the scope is open. */
export const throughRelay = Effect.fnUntraced(function* (
  server: EquippedMcpServer
): Effect.fn.Return<EquippedMcpServer, never, McpRelay | Scope.Scope> {
  const { connection, trusted } = server
  if (connection === null || connection.type === "stdio") return server
  const relay = yield* McpRelay
  return { ...server, connection: yield* relay.open(connection, { trusted }) }
})
