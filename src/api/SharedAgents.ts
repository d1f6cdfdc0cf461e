import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { AgentShareNotFound, AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import { KeptAgent } from "../domain/KeptAgent.ts"
import { Moment } from "../domain/Moment.ts"
import { ResourceName } from "../domain/ResourceName.ts"
import { Authentication } from "./Authentication.ts"
import { createProblems } from "./NamedResources.ts"
import { problem } from "./Problem.ts"
import { writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { token: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{20,100}$/)) }
const absent = problem(AgentShareNotFound)
const { description, model, name, prompt, tools, created_at, updated_at } = KeptAgent.fields

/** An agent as others see it: without what is its tenant's own, such as the names of its skills. */
export const SharedAgent = Schema.Struct({
  /** A document that `POST /api/v1/agents/import` takes. */
  agent: Schema.Struct({ name, description, prompt, tools, model, created_at, updated_at }),
  version: Schema.Int,
  expires_at: Moment
}).annotate({ identifier: "SharedAgent" })

/** Agents that other tenants have shared. */
export class SharedAgentsApi extends HttpApiGroup.make("sharedAgents")
  .add(
    HttpApiEndpoint.get("get", "/shared/agents/:token", {
      params,
      success: SharedAgent,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a shared agent" })),
    HttpApiEndpoint.post("import", "/shared/agents/:token/import", {
      params,
      payload: Schema.Struct({
        /** What it is called here; as it was there when absent. */
        name: Schema.optionalKey(ResourceName)
      }).annotate({ identifier: "SharedAgentImport" }),
      success: KeptAgent.pipe(HttpApiSchema.status(201)),
      error: [absent, problem(AgentVersionConflict), ...createProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Copy a shared agent into the own tenant" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Shared agents", description: "Agents that other tenants show." })) {}
