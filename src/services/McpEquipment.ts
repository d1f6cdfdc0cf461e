import { Effect, Result } from "effect"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import type { AgentEquipment, EquippedMcpServer } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { McpListFailed, McpServerNotFound, TooManyMcpServers } from "../domain/errors/McpErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { settingsOf } from "../domain/McpConfig.ts"
import type { McpSettings, RequestedMcpServers } from "../domain/McpServer.ts"
import { Settings } from "../domain/Settings.ts"
import { McpServerRepository } from "../storage/McpServerRepository.ts"
import type { StoredMcpServer } from "../storage/McpServerRows.ts"
import { InstalledMcpServers } from "../storage/McpServersFile.ts"
import { reportFailure } from "./FailureReport.ts"

/** Who wants which MCP servers in a run. */
export interface McpWishes {
  /** What the request says; null when it says nothing. */
  readonly requested: RequestedMcpServers | null
  /** The names that the leading agent says; null when it says nothing. */
  readonly leader: ReadonlyArray<string> | null
  readonly subagents: Readonly<Record<string, AgentDefinition>>
}

/** What a run has of MCP servers. */
export type McpEquipment = Pick<AgentEquipment, "mcpServers" | "ownMcpServers" | "subagents">

/** Servers that can be used, and the names of all that there are, with those that are not enabled. */
interface KnownServers {
  readonly servers: ReadonlyArray<EquippedMcpServer>
  readonly names: ReadonlySet<string>
}

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
 * hides one of its name. Agents that name servers have those of them that there are in the run: a name must be that
 * of a server which the tenant has, the installation, or the request.
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
    const servers = [
      ...installed
        .filter(({ enabled, name }) => enabled && !own.has(name))
        .map(({ name, settings }) => equipped(name, settings, true)),
      ...(yield* Effect.forEach(
        stored.filter(({ enabled }) => enabled),
        ofTenant
      ))
    ]
    const known: KnownServers = { servers, names: new Set([...own, ...installed.map(({ name }) => name)]) }
    return known
  })

  const asked = Effect.fnUntraced(function* (principal: Principal, requested: RequestedMcpServers) {
    const wanted = Object.entries(requested).filter(([, { enabled }]) => enabled !== false)
    if (wanted.length > maxMcpServers) return yield* new TooManyMcpServers({ limit: maxMcpServers })
    const servers = yield* Effect.forEach(
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
    const known: KnownServers = { servers, names: new Set(Object.keys(requested)) }
    return known
  })

  return Effect.fn("McpEquipment.find")(function* (principal: Principal, { leader, requested, subagents }: McpWishes) {
    const { names, servers } = yield* requested === null ? kept(principal) : asked(principal, requested)
    const called: ReadonlySet<string> = new Set(
      Object.values(subagents).flatMap(({ mcp_servers }) => mcp_servers ?? [])
    )
    const strange = [...(leader ?? []), ...called].filter((name) => !names.has(name))
    if (strange.length > 0) {
      const others = requested === null ? names : (yield* kept(principal)).names
      const unknown = strange.find((name) => !others.has(name))
      if (unknown !== undefined) return yield* new McpServerNotFound({ mcp_server: unknown })
    }
    // What the request says goes before what its agent says.
    const isOwn = (name: string) => requested !== null || leader === null || leader.includes(name)
    const present = new Set(servers.map(({ name }) => name))
    const found: McpEquipment = {
      mcpServers: servers.filter(({ name }) => isOwn(name) || called.has(name)),
      ownMcpServers: [...present].filter(isOwn),
      subagents: Object.fromEntries(
        Object.entries(subagents).map(([name, { mcp_servers, ...agent }]) => [
          name,
          mcp_servers == null ? agent : { ...agent, mcp_servers: mcp_servers.filter((server) => present.has(server)) }
        ])
      )
    }
    return found
  })
})
