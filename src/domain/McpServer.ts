import { Schema } from "effect"
import { Moment } from "./Moment.ts"

/** Identifies a stored MCP server. */
export const McpServerId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("McpServerId"))
export type McpServerId = typeof McpServerId.Type

/**
 * What an MCP server is called. Its tools are `mcp__NAME__TOOL`, so that a name with `__` could pass for another
 * server's tool, and together they may have 128 characters. `share` is a path of the API.
 */
export const McpServerName = Schema.String.check(
  Schema.isPattern(/^(?!share$)[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*$/, {
    message: "must be letters, digits, - and single _ between them, and not share"
  }),
  Schema.isMaxLength(64)
).pipe(Schema.brand("McpServerName"))
export type McpServerName = typeof McpServerName.Type

/** How a server is spoken to: a program's standard streams, streamable HTTP, or HTTP with server-sent events. */
export const McpTransport = Schema.Literals(["stdio", "http", "sse"])
export type McpTransport = typeof McpTransport.Type

const text = (maximum: number) =>
  Schema.String.check(
    Schema.isMaxLength(maximum),
    Schema.isPattern(/^[^\0]*$/, { message: "must not contain the character NUL" })
  )

const isRemoteUrl = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { password, protocol, username } = new URL(value)
  return (protocol === "http:" || protocol === "https:") && username === "" && password === ""
}

const values = (name: RegExp, value: Schema.Codec<string>) =>
  Schema.Record(Schema.String.check(Schema.isPattern(name)), value).check(Schema.isMaxProperties(100))

/** The fields of a server's configuration, as clients name them. Which of them are asked for depends on the transport. */
export const mcpConfigFields = {
  /** `stdio`: the program. */
  command: Schema.optionalKey(text(4096).check(Schema.isMinLength(1))),
  /** `stdio`: its arguments. */
  args: Schema.optionalKey(Schema.Array(text(32_768)).check(Schema.isMaxLength(200))),
  /** `stdio`: its environment, kept encrypted. */
  env: Schema.optionalKey(values(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/, text(32_768))),
  /** `http` and `sse`: where it is. Credentials belong into `headers`. */
  url: Schema.optionalKey(
    text(2048).check(
      Schema.makeFilter(isRemoteUrl, { message: "must be an http:// or https:// URL without a user or password" })
    )
  ),
  /** `http` and `sse`: headers of every request, kept encrypted. */
  headers: Schema.optionalKey(
    values(
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/,
      Schema.String.check(Schema.isMaxLength(8192), Schema.isPattern(/^[\t\x20-\x7e]*$/))
    )
  ),
  /** Names of its tools that run unasked; all others need a rule of the request or a permission mode. */
  allowed_tools: Schema.optionalKey(
    Schema.Array(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_.-]{1,128}$/))).check(Schema.isMaxLength(200))
  ),
  /** False: agents do not get it, nor one of its name from further below. */
  enabled: Schema.optionalKey(Schema.Boolean)
} as const

/** A server's configuration as a client writes it. */
export const McpConfigText = Schema.Struct(mcpConfigFields)
export type McpConfigText = typeof McpConfigText.Type

/** A server that is a program on this machine. */
export const McpProgram = Schema.Struct({
  type: Schema.Literal("stdio"),
  command: Schema.String,
  args: Schema.Array(Schema.String),
  env: Schema.Record(Schema.String, Schema.String)
})
export type McpProgram = typeof McpProgram.Type

/** A server that is reached by HTTP. */
export const McpRemote = Schema.Struct({
  type: Schema.Literals(["http", "sse"]),
  url: Schema.String,
  headers: Schema.Record(Schema.String, Schema.String)
})
export type McpRemote = typeof McpRemote.Type

/** How a server is reached, with its secrets. */
export const McpConnection = Schema.Union([McpProgram, McpRemote])
export type McpConnection = typeof McpConnection.Type

/** All that is secret of a server, or depends on it. */
export const McpSettings = Schema.Struct({
  connection: McpConnection,
  allowed_tools: Schema.Array(Schema.String)
})
export type McpSettings = typeof McpSettings.Type

/** Servers of one request by name; those that it gives `enabled: false` are not used. */
export const RequestedMcpServers = Schema.Record(
  McpServerName,
  Schema.Struct({ type: Schema.optionalKey(McpTransport), ...mcpConfigFields })
)
export type RequestedMcpServers = typeof RequestedMcpServers.Type

/** Where a server is configured: for all tenants in a file of the operator's, or by its tenant. */
export const McpSource = Schema.Literals(["filesystem", "database"])
export type McpSource = typeof McpSource.Type

/**
 * What is known of a server. `active` and `disabled` are what it is configured to be, `connected` and `failed` what
 * it turned out to be when it was asked; `unreadable` is one whose stored configuration does not open any more.
 */
export const McpServerStatus = Schema.Literals(["active", "disabled", "connected", "failed", "unreadable"])
export type McpServerStatus = typeof McpServerStatus.Type

/** An MCP server as clients see it: without the values of its environment and headers, and without other secrets. */
export class McpServer extends Schema.Class<McpServer>("McpServer")({
  /** A UUID, or `fs:NAME` of a server in the operator's file. */
  id: Schema.String,
  name: Schema.String,
  transport_type: Schema.NullOr(McpTransport),
  command: Schema.NullOr(Schema.String),
  args: Schema.Array(Schema.String),
  url: Schema.NullOr(Schema.String),
  headers: Schema.Record(Schema.String, Schema.String),
  env: Schema.Record(Schema.String, Schema.String),
  allowed_tools: Schema.Array(Schema.String),
  enabled: Schema.Boolean,
  status: McpServerStatus,
  /** Why it failed or cannot be read. */
  error: Schema.NullOr(Schema.String),
  metadata: Schema.Record(Schema.String, Schema.Json),
  source: McpSource,
  created_at: Schema.NullOr(Moment),
  updated_at: Schema.NullOr(Moment)
}) {}

/** Something that a server offers to be read. Its fields are named as MCP names them. */
export const McpResource = Schema.Struct({
  uri: Schema.String,
  name: Schema.NullOr(Schema.String),
  description: Schema.NullOr(Schema.String),
  mimeType: Schema.NullOr(Schema.String)
})
export type McpResource = typeof McpResource.Type

/** What a resource holds: a text, or bytes in base64. */
export const McpResourceContent = Schema.Struct({
  uri: Schema.String,
  mimeType: Schema.NullOr(Schema.String),
  text: Schema.NullOr(Schema.String),
  blob: Schema.NullOr(Schema.String)
})
export type McpResourceContent = typeof McpResourceContent.Type
