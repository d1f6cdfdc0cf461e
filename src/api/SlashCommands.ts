import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ProjectNotFound, SlashCommandNotFound, SlashCommandReadonly } from "../domain/errors/ResourceErrors.ts"
import { SlashCommand, SlashCommandId } from "../domain/SlashCommand.ts"
import { Authentication } from "./Authentication.ts"
import { keptTextContent, keptTextFilter, workspaceFilter } from "./KeptTexts.ts"
import { createProblems, updateProblems } from "./NamedResources.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: SlashCommandId }
const absent = problem(SlashCommandNotFound)
const readOnly = problem(SlashCommandReadonly)

/** A page of slash commands, newest first; before the first page those of a workspace. */
export const SlashCommandList = Schema.Struct({ commands: Schema.Array(SlashCommand), ...pageFields }).annotate({
  identifier: "SlashCommandList"
})

/** Slash commands: prompts under a name. */
export class SlashCommandsApi extends HttpApiGroup.make("slashCommands")
  .add(
    HttpApiEndpoint.post("create", "/slash-commands", {
      payload: keptTextContent("SlashCommandContent"),
      success: SlashCommand.pipe(HttpApiSchema.status(201)),
      error: createProblems
    }).annotateMerge(OpenApi.annotations({ summary: "Create a slash command" })),
    HttpApiEndpoint.get("list", "/slash-commands", {
      query: { ...pageParameters, ...keptTextFilter },
      success: SlashCommandList,
      error: [problem(ProjectNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List slash commands" })),
    HttpApiEndpoint.get("get", "/slash-commands/:id", {
      params,
      query: workspaceFilter,
      success: SlashCommand,
      error: [absent, problem(ProjectNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a slash command" })),
    HttpApiEndpoint.put("update", "/slash-commands/:id", {
      params,
      payload: keptTextContent("SlashCommandUpdate", { id: Schema.optionalKey(SlashCommandId) }),
      success: SlashCommand,
      error: [absent, readOnly, ...updateProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Replace a slash command" })),
    HttpApiEndpoint.delete("delete", "/slash-commands/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, readOnly, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete a slash command" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Slash commands",
      description: "Prompts under a name: a prompt `/name arguments` stands for the content of the command."
    })
  ) {}
