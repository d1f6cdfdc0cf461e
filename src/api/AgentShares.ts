import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { AgentId } from "../domain/AgentReference.ts"
import { AgentNotFound, AgentShareNotFound, AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import { KeptAgent } from "../domain/KeptAgent.ts"
import { Moment } from "../domain/Moment.ts"
import { ResourceName } from "../domain/ResourceName.ts"
import { Share, ShareId } from "../domain/Share.ts"
import { Authentication } from "./Authentication.ts"
import { createProblems } from "./NamedResources.ts"
import { pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { ShareList, shareParameters, ShareToken } from "./Shares.ts"

const params = { id: AgentId }
const bearer = { token: ShareToken }
const absent = problem(AgentNotFound)
const notShared = problem(AgentShareNotFound)
const { description, model, name, prompt, tools, created_at, updated_at } = KeptAgent.fields

/** A share with its token, which is shown this once. */
export const IssuedAgentShare = Schema.Struct({
  ...Share.fields,
  share_token: Schema.String,
  /** Where the agent can be seen, below the address of this service. */
  share_url: Schema.String
}).annotate({ identifier: "IssuedAgentShare" })

/** An agent as others see it: without what is its tenant's own, such as the names of its skills. */
export const SharedAgent = Schema.Struct({
  /** A document that `POST /api/v1/agents/import` takes. */
  agent: Schema.Struct({ name, description, prompt, tools, model, created_at, updated_at }),
  version: Schema.Int,
  expires_at: Moment
}).annotate({ identifier: "SharedAgent" })

/** Agents that tenants show to each other. */
export class AgentSharesApi extends HttpApiGroup.make("agentShares")
  .add(
    HttpApiEndpoint.post("create", "/agents/:id/share", {
      params,
      query: shareParameters,
      success: IssuedAgentShare,
      error: [absent, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Share an agent",
        description: "Answers with a token, shown this once, under which other tenants can see the agent and copy it."
      })
    ),
    HttpApiEndpoint.get("list", "/agents/:id/shares", {
      params,
      query: pageParameters,
      success: ShareList,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List the shares of an agent that hold" })),
    HttpApiEndpoint.delete("revoke", "/agents/:id/shares/:share_id", {
      params: { ...params, share_id: ShareId },
      success: HttpApiSchema.NoContent,
      error: [absent, notShared, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Take back a share of an agent" })),
    HttpApiEndpoint.delete("revokeAll", "/agents/:id/share", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Take back all shares of an agent" })),
    HttpApiEndpoint.get("get", "/shared/agents/:token", {
      params: bearer,
      success: SharedAgent,
      error: [notShared, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a shared agent" })),
    HttpApiEndpoint.post("import", "/shared/agents/:token/import", {
      params: bearer,
      payload: Schema.Struct({
        /** What it is called here; as it was there when absent. */
        name: Schema.optionalKey(ResourceName)
      }).annotate({ identifier: "SharedAgentImport" }),
      success: KeptAgent.pipe(HttpApiSchema.status(201)),
      error: [notShared, problem(AgentVersionConflict), ...createProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Copy a shared agent into the own tenant" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "Shared agents", description: "Agents that tenants show to each other, for a time." })
  ) {}
