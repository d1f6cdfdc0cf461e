import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BudgetLimit } from "../domain/Budget.ts"
import { ProjectId } from "../domain/Project.ts"
import { PromptImage } from "../domain/Image.ts"
import { RequestedMcpServers } from "../domain/McpServer.ts"
import { Run, RunId } from "../domain/Run.ts"
import { ContentBlock } from "../domain/ContentBlock.ts"
import { ResultData } from "../domain/RunEvent.ts"
import { runOptionFields } from "../domain/RunOptions.ts"
import { runSwitchFields } from "../domain/RunSwitches.ts"
import { SessionId, SessionMetadata, SessionMode, SessionTags, SessionTitle } from "../domain/Session.ts"
import { Authentication, StartsRun } from "./Authentication.ts"
import { startProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { RunStream } from "./RunStream.ts"

/** What the user says to the agent; not blank. MAX_PROMPT_LENGTH bounds it. */
export const Prompt = Schema.String.check(Schema.isPattern(/\S/, { message: "is blank" }))

interface ToolRules {
  readonly allowed_tools?: ReadonlyArray<string>
  readonly disallowed_tools?: ReadonlyArray<string>
}

/** A rule cannot be allowed and forbidden. */
export const consistentTools = Schema.makeFilter(({ allowed_tools = [], disallowed_tools = [] }: ToolRules) =>
  disallowed_tools.flatMap((rule, index) =>
    allowed_tools.includes(rule) ? [{ path: ["disallowed_tools", index], issue: "is in allowed_tools too" }] : []
  )
)

/** What goes with a prompt and is no option of the agent's. */
const supplyFields = {
  /** Pictures, before the prompt. MAX_IMAGES and MAX_IMAGE_BYTES bound them. */
  images: Schema.optionalKey(Schema.Array(PromptImage)),
  /** MCP servers by name, in place of the tenant's and the installation's; `{}`: none. */
  mcp_servers: Schema.optionalKey(Schema.NullOr(RequestedMcpServers))
} as const

const newSessionFields = {
  title: Schema.optionalKey(SessionTitle),
  mode: Schema.optionalKey(SessionMode),
  tags: Schema.optionalKey(SessionTags),
  metadata: Schema.optionalKey(SessionMetadata),
  /** The project that it belongs to: it starts in its workspace. */
  project_id: Schema.optionalKey(ProjectId),
  /** Most dollars of all its runs together. */
  session_budget_usd: Schema.optionalKey(BudgetLimit)
} as const

/** What an existing session has already: it would be dropped without a word. */
export const onlyOfNewSessions = Schema.makeFilter((request: { readonly session_id?: SessionId }) =>
  request.session_id === undefined
    ? []
    : [...Object.keys(newSessionFields), "cwd"].flatMap((name) =>
        Object.hasOwn(request, name) ? [{ path: [name], issue: "is for new sessions, without session_id" }] : []
      )
)

/** The fields of a prompt for a new session, or for an existing one when `session_id` names it. */
export const queryFields = {
  prompt: Prompt,
  session_id: Schema.optionalKey(SessionId),
  ...newSessionFields,
  ...supplyFields,
  ...runOptionFields,
  ...runSwitchFields
} as const

/** A prompt for a new session, or for an existing one when `session_id` names it. */
export const QueryRequest = Schema.Struct(queryFields)
  .check(consistentTools, onlyOfNewSessions)
  .annotate({ identifier: "QueryRequest" })

const { cwd: _cwd, ...continuedFields } = runOptionFields

/** A prompt for a session that has its working directory already. */
export const ContinueRequest = Schema.Struct({
  prompt: Prompt,
  ...supplyFields,
  ...continuedFields,
  ...runSwitchFields
})
  .check(consistentTools)
  .annotate({ identifier: "ContinueRequest" })

/** What a client calls a request that it may repeat. */
export const IdempotencyKey = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,255}$/))

/** Headers of a request that starts a run. */
export const startHeaders = {
  /** Repeating a request with the same key finds the first one's run instead of starting another, for 24 hours. */
  "idempotency-key": Schema.optionalKey(IdempotencyKey)
} as const

/** A run that goes on in the background; `Location` says where it is. */
export const Accepted = Run.pipe(HttpApiSchema.status(202))

/** The whole answer of a run that went well. */
export const SingleAnswer = Schema.Struct({
  ...ResultData.fields,
  session_id: SessionId,
  run_id: RunId,
  model: Schema.String,
  /** All content that the agent wrote, in order. */
  content: Schema.Array(ContentBlock)
}).annotate({ identifier: "SingleAnswer" })

/** Runs an agent on a prompt. */
export class QueryApi extends HttpApiGroup.make("query")
  .add(
    HttpApiEndpoint.post("stream", "/query", {
      headers: startHeaders,
      payload: QueryRequest,
      success: [RunStream, Accepted],
      error: startProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Run an agent and follow it",
        description:
          "Starts a run on a prompt and answers with its events as they come. What fails before the agent is ready is a status with an error body; what fails later is an `error` event. With `background` the answer is 202 with the run as soon as it is stored; with `on_busy: queue` the stream of a run that has to wait begins at once, with `status: queued`."
      })
    ),
    HttpApiEndpoint.post("single", "/query/single", {
      headers: startHeaders,
      payload: QueryRequest,
      success: [SingleAnswer, Accepted],
      error: startProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Run an agent and wait for its answer",
        description:
          "Starts a run on a prompt and answers when it has ended. A run that failed answers with its failure, with what it came to until then in `error.details`; one that waits for an answer to what its agent asks is 202 with the run."
      })
    )
  )
  .annotateEndpoints(StartsRun, true)
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Query", description: "Run an agent on a prompt." })) {}
