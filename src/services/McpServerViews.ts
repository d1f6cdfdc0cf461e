import { Effect, Result } from "effect"
import { redact } from "../domain/McpConfig.ts"
import { McpServer, type McpServerStatus } from "../domain/McpServer.ts"
import type { StoredMcpServer } from "../storage/McpServerRows.ts"
import type { InstalledMcpServer } from "../storage/McpServersFile.ts"
import { reportFailure } from "./FailureReport.ts"

/** How names of the installation's servers begin in ids and paths. */
const installedPrefix = "fs:"

/** Whether a name is one of the installation's servers, or none. */
export const isInstalled = (name: string): boolean => name.startsWith(installedPrefix)

/** What the installation's server is called by its users. */
export const installedName = ({ name }: InstalledMcpServer): string => `${installedPrefix}${name}`

const hidden = { command: null, args: [], url: null, headers: {}, env: {} } as const

/** The installation's server as tenants see it: how it is reached is the operator's affair. */
export const viewOfInstalled = (server: InstalledMcpServer): McpServer =>
  new McpServer({
    ...hidden,
    id: installedName(server),
    name: server.name,
    transport_type: server.settings.connection.type,
    allowed_tools: server.settings.allowed_tools,
    enabled: server.enabled,
    status: server.enabled ? "active" : "disabled",
    error: null,
    metadata: {},
    source: "filesystem",
    created_at: null,
    updated_at: null
  })

const statusOf = ({ enabled, settings }: StoredMcpServer): McpServerStatus =>
  Result.isFailure(settings) ? "unreadable" : enabled ? "active" : "disabled"

/** A tenant's server as it sees it. One that cannot be read is reported. */
export const viewOfStored = Effect.fnUntraced(function* (stored: StoredMcpServer) {
  const { settings, ...rest } = stored
  if (Result.isFailure(settings)) {
    yield* reportFailure(settings.failure, {}).pipe(Effect.annotateLogs({ mcp_server_id: stored.id }))
  }
  return new McpServer({
    ...rest,
    ...(Result.isSuccess(settings) ? redact(settings.success) : { ...hidden, transport_type: null, allowed_tools: [] }),
    status: statusOf(stored),
    error: Result.isSuccess(settings) ? null : settings.failure.message,
    source: "database"
  })
})
