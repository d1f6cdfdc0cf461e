import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ToolPresetNotFound } from "../domain/errors/ResourceErrors.ts"
import { ToolPreset, ToolPresetContent, ToolPresetId } from "../domain/ToolPreset.ts"
import { Authentication } from "./Authentication.ts"
import { createProblems, updateProblems } from "./NamedResources.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { consistentTools } from "./Query.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: ToolPresetId }
const absent = problem(ToolPresetNotFound)

/** A page of tool presets, newest first. */
export const ToolPresetList = Schema.Struct({ presets: Schema.Array(ToolPreset), ...pageFields }).annotate({
  identifier: "ToolPresetList"
})

/** A tool preset to be made. */
export const NewToolPreset = ToolPresetContent.check(consistentTools).annotate({ identifier: "NewToolPreset" })

/** A tool preset's new content: what is absent is empty afterwards. */
export const ToolPresetUpdate = Schema.Struct({ ...ToolPresetContent.fields, id: Schema.optionalKey(ToolPresetId) })
  .check(consistentTools)
  .annotate({ identifier: "ToolPresetUpdate" })

/** Tool presets: rules about tools, for requests to name. */
export class ToolPresetsApi extends HttpApiGroup.make("toolPresets")
  .add(
    HttpApiEndpoint.post("create", "/tool-presets", {
      payload: NewToolPreset,
      success: ToolPreset.pipe(HttpApiSchema.status(201)),
      error: createProblems
    }).annotateMerge(OpenApi.annotations({ summary: "Create a tool preset" })),
    HttpApiEndpoint.get("list", "/tool-presets", {
      query: pageParameters,
      success: ToolPresetList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List tool presets" })),
    HttpApiEndpoint.get("get", "/tool-presets/:id", {
      params,
      success: ToolPreset,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a tool preset" })),
    HttpApiEndpoint.put("update", "/tool-presets/:id", {
      params,
      payload: ToolPresetUpdate,
      success: ToolPreset,
      error: [absent, ...updateProblems]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Replace a tool preset", description: "What is absent is empty afterwards." })
    ),
    HttpApiEndpoint.delete("delete", "/tool-presets/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete a tool preset" }))
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Tool presets",
      description: "Lists of allowed and forbidden tools, for requests to name, or as the tenant's default."
    })
  ) {}
