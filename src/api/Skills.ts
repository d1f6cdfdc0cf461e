import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ProjectNotFound, SkillNotFound, SkillReadonly } from "../domain/errors/ResourceErrors.ts"
import { Skill, SkillId } from "../domain/Skill.ts"
import { Authentication } from "./Authentication.ts"
import { keptTextContent, keptTextFilter, workspaceFilter } from "./KeptTexts.ts"
import { createProblems, updateProblems } from "./NamedResources.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: SkillId }
const absent = problem(SkillNotFound)
const readOnly = problem(SkillReadonly)

/** A page of skills, newest first; before the first page those of a workspace. */
export const SkillList = Schema.Struct({ skills: Schema.Array(Skill), ...pageFields }).annotate({
  identifier: "SkillList"
})

/** Skills: how something is done, for agents to read when they need it. */
export class SkillsApi extends HttpApiGroup.make("skills")
  .add(
    HttpApiEndpoint.post("create", "/skills", {
      payload: keptTextContent("SkillContent"),
      success: Skill.pipe(HttpApiSchema.status(201)),
      error: createProblems
    }).annotateMerge(OpenApi.annotations({ summary: "Create a skill" })),
    HttpApiEndpoint.get("list", "/skills", {
      query: { ...pageParameters, ...keptTextFilter },
      success: SkillList,
      error: [problem(ProjectNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List skills" })),
    HttpApiEndpoint.get("get", "/skills/:id", {
      params,
      query: workspaceFilter,
      success: Skill,
      error: [absent, problem(ProjectNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a skill" })),
    HttpApiEndpoint.put("update", "/skills/:id", {
      params,
      payload: keptTextContent("SkillUpdate", { id: Schema.optionalKey(SkillId) }),
      success: Skill,
      error: [absent, readOnly, ...updateProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Replace a skill" })),
    HttpApiEndpoint.delete("delete", "/skills/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, readOnly, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete a skill" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Skills",
      description: "How something is done, for agents to read when they need it."
    })
  ) {}
