import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { McpServerNotFound, McpServerReadOnly, McpShareNotFound } from "../domain/errors/McpErrors.ts"
import { McpServer } from "../domain/McpServer.ts"
import { Moment } from "../domain/Moment.ts"
import { ShareId } from "../domain/Share.ts"
import { Authentication } from "./Authentication.ts"
import { McpServerReference } from "./McpServers.ts"
import { pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { ShareList, shareParameters, ShareToken } from "./Shares.ts"

const params = { name: McpServerReference }
const absent = problem(McpServerNotFound)
const notShared = problem(McpShareNotFound)
const readOnly = problem(McpServerReadOnly)

/** An MCP server as it is shown to others, without its secrets. */
export const SharedMcpServer = Schema.Struct({
  name: Schema.String,
  config: Schema.Struct({
    type: McpServer.fields.transport_type,
    command: McpServer.fields.command,
    args: McpServer.fields.args,
    url: McpServer.fields.url,
    headers: McpServer.fields.headers,
    env: McpServer.fields.env,
    allowed_tools: McpServer.fields.allowed_tools
  }),
  created_at: Moment,
  expires_at: Moment
}).annotate({ identifier: "SharedMcpServer" })

/** A share with its token, which is shown this once. */
export const IssuedMcpShare = Schema.Struct({
  ...SharedMcpServer.fields,
  id: ShareId,
  share_token: Schema.String
}).annotate({ identifier: "IssuedMcpShare" })

/** MCP servers that tenants show to each other. */
export class McpSharesApi extends HttpApiGroup.make("mcpShares")
  .add(
    HttpApiEndpoint.post("create", "/mcp-servers/:name/share", {
      params,
      query: shareParameters,
      success: IssuedMcpShare,
      error: [absent, readOnly, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Share an MCP server",
        description:
          "Answers with a token, shown this once, under which other tenants can see how the server is configured, without its secrets."
      })
    ),
    HttpApiEndpoint.get("list", "/mcp-servers/:name/shares", {
      params,
      query: pageParameters,
      success: ShareList,
      error: [absent, readOnly, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List the shares of an MCP server that hold" })),
    HttpApiEndpoint.delete("revoke", "/mcp-servers/:name/shares/:share_id", {
      params: { ...params, share_id: ShareId },
      success: HttpApiSchema.NoContent,
      error: [absent, readOnly, notShared, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Take back a share of an MCP server" })),
    HttpApiEndpoint.delete("revokeAll", "/mcp-servers/:name/share", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, readOnly, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Take back all shares of an MCP server" })),
    HttpApiEndpoint.get("get", "/mcp-servers/share", {
      headers: { "x-share-token": ShareToken },
      success: SharedMcpServer,
      error: [notShared, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a shared MCP server" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Shared MCP servers",
      description: "MCP servers that tenants show to each other, for a time, without their secrets."
    })
  ) {}
