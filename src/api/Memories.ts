import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  MemoryModelFailed,
  MemoryModelMissing,
  MemoryNotFound,
  MemoryUnchanged
} from "../domain/errors/MemoryErrors.ts"
import { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import { Memory, MemoryId, MemoryMetadata, memoryScopeFields, MemoryText, MemoryVersion } from "../domain/Memory.ts"
import { MemorySettings, MemorySettingsChange } from "../domain/MemorySettings.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: MemoryId }
const absent = problem(MemoryNotFound)
const notBlank = Schema.isPattern(/\S/, { message: "is blank" })

/** Accepted from clients that send it, and of no effect: there is no graph. */
const graph = { enable_graph: Schema.optionalKey(Schema.Boolean) } as const

const Said = Schema.Struct({
  role: Schema.Literals(["user", "assistant"]),
  content: Schema.String.check(Schema.isMaxLength(100_000)),
  /** Who said it, where it is known. */
  name: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)))
})

/** A text that is stored as it is, or messages in which is looked for what is worth remembering. */
export const NewMemories = Schema.Struct({
  text: Schema.optionalKey(MemoryText),
  messages: Schema.optionalKey(
    Schema.Union([Schema.String.check(Schema.isMaxLength(200_000)), Schema.Array(Said).check(Schema.isMaxLength(500))])
  ),
  /** Any JSON object; `speaker`, `timestamp`, `session` and `turn` in it help to find the memory. */
  metadata: Schema.optionalKey(MemoryMetadata),
  ...memoryScopeFields,
  ...graph
})
  .check(
    Schema.makeFilter(({ messages, text }: { readonly text?: string; readonly messages?: unknown }) => {
      if (text === undefined && messages === undefined) return [{ path: ["text"], issue: "is missing" }]
      return text !== undefined && messages !== undefined ? [{ path: ["messages"], issue: "excludes text" }] : []
    })
  )
  .annotate({ identifier: "NewMemories" })

/** Memories that were stored. */
export const StoredMemories = Schema.Struct({ memories: Schema.Array(Memory), count: Schema.Int }).annotate({
  identifier: "StoredMemories"
})

/** A page of memories, newest first; `count` is how many the page has. */
export const MemoryList = Schema.Struct({
  memories: Schema.Array(Memory),
  count: Schema.Int,
  ...pageFields
}).annotate({ identifier: "MemoryList" })

/** A question to memory. */
export const MemoryQuestion = Schema.Struct({
  query: Schema.String.check(notBlank, Schema.isMaxLength(10_000)),
  /** Most results, 1 to 100; 10 when absent. */
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
  ...memoryScopeFields,
  ...graph
}).annotate({ identifier: "MemoryQuestion" })

/** What was found, best first. */
export const MemoryResults = Schema.Struct({
  results: Schema.Array(
    Schema.Struct({
      id: MemoryId,
      memory: Schema.String,
      /** How well it fits, from 0 to 1. */
      score: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
      metadata: MemoryMetadata
    })
  ),
  count: Schema.Int
}).annotate({ identifier: "MemoryResults" })

/** What a client may change of a memory. */
export const MemoryPatch = Schema.Struct({
  text: Schema.optionalKey(MemoryText),
  metadata: Schema.optionalKey(MemoryMetadata)
})
  .check(
    Schema.makeFilter((patch: { readonly text?: string; readonly metadata?: unknown }) =>
      Object.keys(patch).length === 0 ? [{ path: ["text"], issue: "is missing" }] : []
    )
  )
  .annotate({ identifier: "MemoryPatch" })

/** A page of a memory's versions, newest first. */
export const MemoryHistory = Schema.Struct({ history: Schema.Array(MemoryVersion), ...pageFields }).annotate({
  identifier: "MemoryHistory"
})

const Deleted = Schema.Struct({ deleted: Schema.Literal(true), message: Schema.String }).annotate({
  identifier: "MemoryDeleted"
})

const AllDeleted = Schema.Struct({ ...Deleted.fields, count: Schema.Int }).annotate({ identifier: "MemoriesDeleted" })

/** What agents remember across sessions. */
export class MemoriesApi extends HttpApiGroup.make("memories")
  .add(
    HttpApiEndpoint.post("add", "/memories", {
      payload: NewMemories,
      success: StoredMemories.pipe(HttpApiSchema.status(201)),
      error: [problem(MemoryModelMissing), problem(MemoryModelFailed), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Remember something",
        description:
          "`text` is stored as it is; in `messages` is looked for what is worth remembering. Texts that are equal but for case, spaces and final punctuation are one memory of their scope."
      })
    ),
    HttpApiEndpoint.post("search", "/memories/search", {
      payload: MemoryQuestion,
      success: MemoryResults,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "Find what fits a question" })),
    HttpApiEndpoint.get("list", "/memories", {
      query: {
        ...pageParameters,
        ...memoryScopeFields,
        /** Also those that do not hold any more. */
        include_invalid: Schema.optionalKey(Schema.Literals(["true", "false"]))
      },
      success: MemoryList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List memories" })),
    HttpApiEndpoint.delete("deleteAll", "/memories", {
      query: memoryScopeFields,
      success: AllDeleted,
      error: writeProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Delete all memories",
        description: "All of the tenant, or those of the scope that is given, with their histories."
      })
    ),
    HttpApiEndpoint.get("settings", "/memories/settings", {
      success: MemorySettings,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "Read how runs use memory" })),
    HttpApiEndpoint.put("changeSettings", "/memories/settings", {
      payload: MemorySettingsChange,
      success: MemorySettings,
      error: writeProblems
    })
      .annotate(RequiredScope, "admin")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Change how runs use memory",
          description: "For runs whose request does not say. Needs the scope `admin`. null goes back to the default."
        })
      ),
    HttpApiEndpoint.get("get", "/memories/:id", {
      params,
      success: Memory,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a memory" })),
    HttpApiEndpoint.put("update", "/memories/:id", {
      params,
      payload: MemoryPatch,
      success: Memory,
      error: [absent, problem(AlreadyExists), ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Change a memory's text or metadata" })),
    HttpApiEndpoint.delete("delete", "/memories/:id", {
      params,
      success: Deleted,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete a memory and its history" })),
    HttpApiEndpoint.get("history", "/memories/:id/history", {
      params,
      query: pageParameters,
      success: MemoryHistory,
      error: [absent, ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List what happened to a memory",
        description: "Newest first: who changed it, when, what it was and what it became."
      })
    ),
    HttpApiEndpoint.post("invalidate", "/memories/:id/invalidate", {
      params,
      success: Memory,
      error: [absent, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Have a memory hold no more",
        description: "It is neither found nor recalled from now on; its history stays."
      })
    ),
    HttpApiEndpoint.post("undo", "/memories/:id/undo", {
      params,
      success: Memory,
      error: [absent, problem(MemoryUnchanged), problem(AlreadyExists), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Take back the latest change of a memory",
        description: "Other content, or that it holds no more. Again, it takes back the change before that."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Memories", description: "What agents remember across sessions." })) {}
