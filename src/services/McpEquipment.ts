import { Effect, Result } from "effect"
import type { EquippedMcpServer } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { McpListFailed, TooManyMcpServers } from "../domain/errors/McpErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { settingsOf } from "../domain/McpConfig.ts"
import type { McpSettings, RequestedMcpServers } from "../domain/McpServer.ts"
import { Settings } from "../domain/Settings.ts"
import { McpServerRepository } from "../storage/McpServerRepository.ts"
import type { StoredMcpServer } from "../storage/McpServerRows.ts"
import { InstalledMcpServers } from "../storage/McpServersFile.ts"
import { reportFailure } from "./FailureReport.ts"

const equipped = (name: string, { allowed_tools, connection }: McpSettings, trusted: boolean): EquippedMcpServer => ({
  name,
  connection,
  allowed_tools,
  trusted
})

/** Names a refusal of the database for what it is here. */
export const listed = <A, R>(read: Effect.Effect<A, DatabaseFailure, R>) =>
  Effect.catchTag(read, "DbRefused", ({ cause }) => Effect.fail(new McpListFailed({ cause })))

/**
 * Makes what finds a run's MCP servers. A request that names servers gets those and no others, `{}` none; else there
 * are the installation's, and in their place or beside them the tenant's. One that is not enabled is not used, and
 * hides one of its name.
 */
export const makeMcpEquipment = Effect.gen(function* () {
  const { maxMcpServers } = yield* Settings
  const repository = yield* McpServerRepository
  const installed = yield* InstalledMcpServers

  const ofTenant = Effect.fnUntraced(function* ({ id, name, settings }: StoredMcpServer) {
    if (Result.isSuccess(settings)) return equipped(name, settings.success, false)
    yield* reportFailure(settings.failure, {}).pipe(Effect.annotateLogs({ mcp_server_id: id }))
    const unreadable: EquippedMcpServer = { name, connection: null, allowed_tools: [], trusted: false }
    return unreadable
  })

  const kept = Effect.fnUntraced(function* (principal: Principal) {
    const stored = yield* listed(repository.all(principal.tenant_id))
    const own = new Set(stored.map(({ name }) => name))
    return [
      ...installed
        .filter(({ enabled, name }) => enabled && !own.has(name))
        .map(({ name, settings }) => equipped(name, settings, true)),
      ...(yield* Effect.forEach(
        stored.filter(({ enabled }) => enabled),
        ofTenant
      ))
    ]
  })

  const asked = Effect.fnUntraced(function* (principal: Principal, requested: RequestedMcpServers) {
    const wanted = Object.entries(requested).filter(([, { enabled }]) => enabled !== false)
    if (wanted.length > maxMcpServers) return yield* new TooManyMcpServers({ limit: maxMcpServers })
    return yield* Effect.forEach(
      wanted,
      Effect.fnUntraced(function* ([name, { enabled: _enabled, type = "stdio", ...config }]) {
        if (type === "stdio" && !principal.has("mcp_stdio")) return yield* new Forbidden({ scope: "mcp_stdio" })
        const settings = settingsOf(type, config)
        if (Result.isSuccess(settings)) return equipped(name, settings.success, false)
        return yield* new ValidationFailed({
          issues: settings.failure.map(({ message, path }) => ({ path: `body.mcp_servers.${name}${path}`, message }))
        })
      })
    )
  })

  return Effect.fn("McpEquipment.find")(function* (principal: Principal, requested: RequestedMcpServers | null) {
    return yield* requested === null ? kept(principal) : asked(principal, requested)
  })
})
