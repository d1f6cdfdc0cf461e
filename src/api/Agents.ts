import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { AgentId } from "../domain/AgentReference.ts"
import { DatetimeParse } from "../domain/errors/RequestErrors.ts"
import { AgentNotFound, AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import { AgentUpdate, AgentVersion, KeptAgent, NewAgent } from "../domain/KeptAgent.ts"
import { Authentication } from "./Authentication.ts"
import { createProblems, updateProblems } from "./NamedResources.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { Timestamp } from "./Timestamp.ts"

const params = { id: AgentId }
const absent = problem(AgentNotFound)
const creating = [problem(AgentVersionConflict), ...createProblems] as const

/** A page of agents, newest first. */
export const AgentList = Schema.Struct({ agents: Schema.Array(KeptAgent), ...pageFields }).annotate({
  identifier: "AgentList"
})

/** A page of an agent's versions, newest first. */
export const AgentVersionList = Schema.Struct({ versions: Schema.Array(AgentVersion), ...pageFields }).annotate({
  identifier: "AgentVersionList"
})

/** An agent from elsewhere. It keeps the moment when it was made there, and begins with version 1. */
export const AgentDocument = Schema.Struct({
  ...NewAgent.fields,
  created_at: Schema.optionalKey(Timestamp),
  updated_at: Schema.optionalKey(Timestamp)
}).annotate({ identifier: "AgentDocument" })

/** Agents: prompts with tools, a model and skills, to lead runs or to be called in them. */
export class AgentsApi extends HttpApiGroup.make("agents")
  .add(
    HttpApiEndpoint.post("create", "/agents", {
      payload: NewAgent,
      success: KeptAgent.pipe(HttpApiSchema.status(201)),
      error: creating
    }).annotateMerge(OpenApi.annotations({ summary: "Create an agent" })),
    HttpApiEndpoint.post("import", "/agents/import", {
      payload: AgentDocument,
      success: KeptAgent.pipe(HttpApiSchema.status(201)),
      error: [problem(DatetimeParse), ...creating]
    }).annotateMerge(OpenApi.annotations({ summary: "Create an agent from a document" })),
    HttpApiEndpoint.get("list", "/agents", {
      query: pageParameters,
      success: AgentList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List agents" })),
    HttpApiEndpoint.get("get", "/agents/:id", {
      params,
      success: KeptAgent,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read an agent" })),
    HttpApiEndpoint.put("update", "/agents/:id", {
      params,
      payload: AgentUpdate,
      success: KeptAgent,
      error: [absent, problem(AgentVersionConflict), ...updateProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Give an agent its next version",
        description: "What is absent is absent from the new version. The versions before stay."
      })
    ),
    HttpApiEndpoint.delete("delete", "/agents/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete an agent", description: "With its versions and shares." })),
    HttpApiEndpoint.get("versions", "/agents/:id/versions", {
      params,
      query: pageParameters,
      success: AgentVersionList,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List an agent's versions" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Agents",
      description: "Prompts with tools, a model and skills, to lead runs or to be called in them. Versions are kept."
    })
  ) {}
