import { Context, Effect, Layer, Result, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { settingsOf } from "../domain/McpConfig.ts"
import { type McpServerName, type McpSettings, RequestedMcpServers } from "../domain/McpServer.ts"

/** The operator's file of MCP servers cannot be used. */
export class McpServersFileInvalid extends Schema.TaggedError<McpServersFileInvalid>()("McpServersFileInvalid", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `MCP_SERVERS_FILE ${this.path} ${this.reason}.`
  }
}

/** A server that the installation has for all its tenants. */
export interface InstalledMcpServer {
  readonly name: McpServerName
  readonly settings: McpSettings
  readonly enabled: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

const placeholder = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

const fill = (value: unknown, environment: Environment, missing: Set<string>): unknown => {
  if (typeof value === "string") {
    return value.replaceAll(placeholder, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) missing.add(name)
      return found ?? ""
    })
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, environment, missing))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, environment, missing)]))
}

const FileText = Schema.fromJsonString(Schema.Union([Schema.Struct({ mcpServers: Schema.Unknown }), Schema.Unknown]))
const decodeText = Schema.decodeUnknownEffect(FileText)
const decodeServers = Schema.decodeUnknownEffect(RequestedMcpServers, { onExcessProperty: "error" })

const hasServers = (content: unknown): content is { readonly mcpServers: unknown } =>
  typeof content === "object" && content !== null && "mcpServers" in content

const read = Effect.fnUntraced(function* (path: string, environment: Environment) {
  const invalid = (reason: string) => new McpServersFileInvalid({ path, reason })
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: () => invalid("cannot be read")
  })
  const content = yield* Effect.mapError(decodeText(text), () => invalid("is not JSON"))
  const missing = new Set<string>()
  const filled = fill(hasServers(content) ? content.mcpServers : content, environment, missing)
  const [first] = missing
  if (first !== undefined) return yield* invalid(`names the variable ${first}, which is not set`)
  const servers = yield* Effect.mapError(decodeServers(filled), () =>
    invalid("is not a map from names to MCP servers, with the fields that a request has")
  )
  return yield* Effect.forEach(
    Object.entries(servers),
    Effect.fnUntraced(function* ([name, { enabled = true, type = "stdio", ...config }]) {
      const settings = settingsOf(type, config)
      if (Result.isFailure(settings)) {
        const [issue] = settings.failure
        return yield* invalid(`is wrong at ${name}${issue?.path}: ${issue?.message}`)
      }
      // Decoding has looked at the name; `Object.entries` does not know.
      const installed: InstalledMcpServer = { name: name as McpServerName, settings: settings.success, enabled }
      return installed
    })
  )
})

/** The servers of the operator's file, read once. `${NAME}` in it stands for the server's own environment. */
export class InstalledMcpServers extends Context.Service<InstalledMcpServers, ReadonlyArray<InstalledMcpServer>>()(
  "causeway/storage/McpServersFile"
) {
  static readonly layer = (path: string | undefined) =>
    Layer.effect(InstalledMcpServers, path === undefined ? Effect.succeed([]) : read(path, process.env))
}
