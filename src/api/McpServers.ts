import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import * as McpErrors from "../domain/errors/McpErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { DbOperational, DbUnavailable, SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import {
  mcpConfigFields,
  McpResource,
  McpResourceContent,
  McpServer,
  McpServerName,
  McpSource,
  McpTransport
} from "../domain/McpServer.ts"
import { Authentication } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

/** Which server: its name, or `fs:NAME` of the installation's. */
export const McpServerReference = Schema.String.check(
  Schema.isPattern(/^(?:fs:)?(?!share$)[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*$/, { message: "is no name of an MCP server" }),
  Schema.isMaxLength(67)
)

const params = { name: McpServerReference }
const ResourceUri = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(4096),
  Schema.isPattern(/^[^\0]*$/, { message: "must not contain the character NUL" })
)

const absent = problem(McpErrors.McpServerNotFound)
const failed = [problem(McpErrors.McpServerFailed), problem(SecretUnreadable)] as const
const readOnly = problem(McpErrors.McpServerReadOnly)

const McpServerConfig = Schema.Struct({
  ...mcpConfigFields,
  /** The client's own notes: any JSON object. */
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
}).annotate({ identifier: "McpServerConfig" })

/** A new MCP server. */
export const NewMcpServer = Schema.Struct({
  name: McpServerName,
  type: McpTransport,
  config: McpServerConfig
}).annotate({ identifier: "NewMcpServer" })

/**
 * A change of an MCP server: what is not named stays. A secret given back as it was shown stays too, unless the server
 * moves to another origin.
 */
export const McpServerChange = Schema.Struct({
  type: Schema.optionalKey(McpTransport),
  config: Schema.optionalKey(McpServerConfig)
}).annotate({ identifier: "McpServerChange" })

/** A page of MCP servers: the installation's on the first, then the tenant's, newest first. */
export const McpServerList = Schema.Struct({ servers: Schema.Array(McpServer), ...pageFields }).annotate({
  identifier: "McpServerList"
})

/** What a server offers to be read. */
export const McpResourceList = Schema.Struct({ resources: Schema.Array(McpResource) }).annotate({
  identifier: "McpResourceList"
})

/** MCP servers: programs and services whose tools agents can use. */
export class McpServersApi extends HttpApiGroup.make("mcpServers")
  .add(
    HttpApiEndpoint.get("list", "/mcp-servers", {
      query: { ...pageParameters, source: Schema.optionalKey(McpSource) },
      success: McpServerList,
      error: [problem(McpErrors.McpListFailed), problem(DbUnavailable), problem(DbOperational)]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List MCP servers",
        description: "The installation's come on the first page, before the tenant's. None of them is asked how it is."
      })
    ),
    HttpApiEndpoint.post("create", "/mcp-servers", {
      payload: NewMcpServer,
      success: McpServer.pipe(HttpApiSchema.status(201)),
      error: [
        problem(Forbidden),
        problem(ValidationFailed),
        problem(McpErrors.McpServerExists),
        problem(McpErrors.TooManyMcpServers),
        ...writeProblems
      ]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Add an MCP server",
        description: "One of the type `stdio` is a program on the service's machine and needs the scope `mcp_stdio`."
      })
    ),
    HttpApiEndpoint.get("get", "/mcp-servers/:name", {
      params,
      success: McpServer,
      error: [absent, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read an MCP server and ask it how it is",
        description:
          "Its `status` is `connected` or `failed`: it is started or called for this, for MCP_TIMEOUT at most."
      })
    ),
    HttpApiEndpoint.put("update", "/mcp-servers/:name", {
      params,
      payload: McpServerChange,
      success: McpServer,
      error: [
        absent,
        readOnly,
        problem(Forbidden),
        problem(ValidationFailed),
        problem(SecretUnreadable),
        ...writeProblems
      ]
    }).annotateMerge(OpenApi.annotations({ summary: "Change an MCP server" })),
    HttpApiEndpoint.delete("delete", "/mcp-servers/:name", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, readOnly, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete an MCP server", description: "Its shares end with it." })),
    HttpApiEndpoint.get("resources", "/mcp-servers/:name/resources", {
      params,
      success: McpResourceList,
      error: [absent, ...failed, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({ summary: "List an MCP server's resources", description: "Asks the server itself." })
    ),
    HttpApiEndpoint.get("resource", "/mcp-servers/:name/resources/:uri", {
      params: { ...params, uri: ResourceUri },
      success: McpResourceContent.annotate({ identifier: "McpResourceContent" }),
      error: [absent, problem(McpErrors.McpResourceNotFound), ...failed, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read a resource of an MCP server",
        description: "Asks the server itself. The slashes of the URI may also stand in the path as they are."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "MCP servers",
      description: "Programs and services whose tools agents can use, by the Model Context Protocol."
    })
  ) {}
