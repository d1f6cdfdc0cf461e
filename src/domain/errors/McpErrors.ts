import { Schema } from "effect"

/** Which one, as it was asked for. `name` is what every error has. */
const server = { mcp_server: Schema.String } as const

/** The MCP servers could not be listed, for the server's own reason. */
export class McpListFailed extends Schema.TaggedError<McpListFailed>()("McpListFailed", {
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The MCP servers could not be listed."
  }
}

/** No such MCP server, or another tenant's. */
export class McpServerNotFound extends Schema.TaggedError<McpServerNotFound>()("McpServerNotFound", server) {
  override get message() {
    return "There is no such MCP server."
  }
}

/** The tenant has an MCP server of this name. */
export class McpServerExists extends Schema.TaggedError<McpServerExists>()("McpServerExists", server) {
  override get message() {
    return "An MCP server of this name exists already."
  }
}

/** The MCP server stands in the operator's file: no request changes it. */
export class McpServerReadOnly extends Schema.TaggedError<McpServerReadOnly>()("McpServerReadOnly", server) {
  override get message() {
    return "This MCP server is the installation's: it can be read and used, not changed."
  }
}

/** The tenant has as many MCP servers as it may. */
export class TooManyMcpServers extends Schema.TaggedError<TooManyMcpServers>()("TooManyMcpServers", {
  limit: Schema.Int
}) {
  override get message() {
    return `There may be at most ${this.limit} MCP servers.`
  }
}

/** No share of an MCP server has this token or id, or not any more. */
export class McpShareNotFound extends Schema.TaggedError<McpShareNotFound>()("McpShareNotFound", {}) {
  override get message() {
    return "There is no such share, or not any more."
  }
}

/** The MCP server has no resource of this URI. */
export class McpResourceNotFound extends Schema.TaggedError<McpResourceNotFound>()("McpResourceNotFound", {
  ...server,
  uri: Schema.String
}) {
  override get message() {
    return "The MCP server has no such resource."
  }
}

/** How an MCP server failed that was asked for something. */
export const McpTrouble = Schema.Literals([
  "ended",
  "timed_out",
  "unreachable",
  "url_refused",
  "protocol",
  "too_much",
  "disabled"
])
export type McpTrouble = typeof McpTrouble.Type

/** What each trouble is, in words. */
export const mcpTroubles: Readonly<Record<McpTrouble, string>> = {
  ended: "Its program could not be started, or ended before it had answered.",
  timed_out: "It did not answer in time.",
  unreachable: "It could not be reached, or refused the connection.",
  url_refused: "Its address is not one that may be reached from here.",
  protocol: "It answered with something that is not MCP, or with an error.",
  too_much: "It sent more than is taken from it.",
  disabled: "It is disabled."
}

/** The MCP server was asked and did not answer well. */
export class McpServerFailed extends Schema.TaggedError<McpServerFailed>()("McpServerFailed", {
  ...server,
  reason: McpTrouble,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `The MCP server failed. ${mcpTroubles[this.reason]}`
  }
}
