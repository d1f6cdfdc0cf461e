import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ProjectExists, ProjectNotFound, ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import { NewProject, Project, ProjectChange, ProjectId } from "../domain/Project.ts"
import { Authentication } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: ProjectId }
const absent = problem(ProjectNotFound)
const writing = [problem(ProjectExists), problem(ValidationFailed), ...writeProblems] as const

/** A page of projects, newest first. */
export const ProjectList = Schema.Struct({ projects: Schema.Array(Project), ...pageFields }).annotate({
  identifier: "ProjectList"
})

/** Projects: workspaces with a name. */
export class ProjectsApi extends HttpApiGroup.make("projects")
  .add(
    HttpApiEndpoint.post("create", "/projects", {
      payload: NewProject,
      success: Project.pipe(HttpApiSchema.status(201)),
      error: [problem(ResourceLimitReached), ...writing]
    }).annotateMerge(OpenApi.annotations({ summary: "Create a project" })),
    HttpApiEndpoint.get("list", "/projects", {
      query: pageParameters,
      success: ProjectList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List projects" })),
    HttpApiEndpoint.get("get", "/projects/:id", {
      params,
      success: Project,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a project" })),
    HttpApiEndpoint.patch("update", "/projects/:id", {
      params,
      payload: ProjectChange,
      success: Project,
      error: [absent, ...writing]
    }).annotateMerge(OpenApi.annotations({ summary: "Change a project's name or metadata" })),
    HttpApiEndpoint.delete("delete", "/projects/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Delete a project", description: "Its workspace and its sessions stay." })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "Projects", description: "Workspaces with a name, in which sessions take place." })
  ) {}
