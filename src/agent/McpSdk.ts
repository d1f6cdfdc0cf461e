import { Effect } from "effect"
import type { McpTrouble } from "../domain/errors/McpErrors.ts"
import type { McpTransport } from "../domain/McpServer.ts"

/** Loads the MCP SDK when a server is first asked for something: most instances never are. */
export const loadMcpSdk = Effect.promise(async () => {
  const [{ Client }, { StdioClientTransport }, http, sse, { ErrorCode, McpError }] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/stdio.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    import("@modelcontextprotocol/sdk/client/sse.js"),
    import("@modelcontextprotocol/sdk/types.js")
  ])
  return {
    Client,
    StdioClientTransport,
    StreamableHTTPClientTransport: http.StreamableHTTPClientTransport,
    StreamableHTTPError: http.StreamableHTTPError,
    SSEClientTransport: sse.SSEClientTransport,
    SseError: sse.SseError,
    McpError,
    /** Codes of errors that the client makes itself. */
    ownErrors: new Set<number>([ErrorCode.ConnectionClosed, ErrorCode.RequestTimeout])
  }
})

/** What is used of the MCP SDK. */
export type McpSdk = Effect.Success<typeof loadMcpSdk>

/** What the relay answers when an address may not be reached. */
const misdirected = 421

/** Stands for what is said of a server that has not answered when its time is over. */
export const timedOut = Symbol("timed out")

const isMessageError = (error: unknown): boolean =>
  error instanceof SyntaxError || (error instanceof Error && error.name.includes("Zod"))

/** Whether a program wrote a message without an end. */
export const isFlood = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("exceeded maximum size")

const httpTrouble = (code: number | undefined): McpTrouble => {
  if (code === misdirected) return "url_refused"
  return code === undefined || code === 502 ? "unreachable" : "protocol"
}

/** What errors of the MCP SDK say of a server: the first that was seen, and the one that ended the conversation. */
export const troubleOf = (sdk: McpSdk, transport: McpTransport, first: unknown, last: unknown): McpTrouble => {
  for (const error of [first, last]) {
    if (isFlood(error)) return "too_much"
    if (isMessageError(error)) return "protocol"
    if (error instanceof sdk.StreamableHTTPError || error instanceof sdk.SseError) return httpTrouble(error.code)
  }
  if (last === timedOut) return "timed_out"
  if (last instanceof sdk.McpError && !sdk.ownErrors.has(last.code)) return "protocol"
  return transport === "stdio" ? "ended" : "unreachable"
}
