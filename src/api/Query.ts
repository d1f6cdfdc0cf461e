import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { RunId } from "../domain/Run.ts"
import { ContentBlock, ResultData } from "../domain/RunEvent.ts"
import { runOptionFields } from "../domain/RunOptions.ts"
import { SessionId, SessionMetadata, SessionMode, SessionTags, SessionTitle } from "../domain/Session.ts"
import { Authentication } from "./Authentication.ts"
import { startProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { RunStream } from "./RunStream.ts"

/** What the user says to the agent; not blank. MAX_PROMPT_LENGTH bounds it. */
export const Prompt = Schema.String.check(Schema.isPattern(/\S/))

/** A prompt for a new session, or for an existing one when `session_id` names it. */
export const QueryRequest = Schema.Struct({
  prompt: Prompt,
  session_id: Schema.optionalKey(SessionId),
  title: Schema.optionalKey(SessionTitle),
  mode: Schema.optionalKey(SessionMode),
  tags: Schema.optionalKey(SessionTags),
  metadata: Schema.optionalKey(SessionMetadata),
  ...runOptionFields
}).annotate({ identifier: "QueryRequest" })

const { cwd: _cwd, ...continuedFields } = runOptionFields

/** A prompt for a session that has its working directory already. */
export const ContinueRequest = Schema.Struct({
  prompt: Prompt,
  ...continuedFields
}).annotate({ identifier: "ContinueRequest" })

/** Headers of a request that starts a run. */
export const startHeaders = {
  /** Repeating a request with the same key finds the first one's run instead of starting another, for 24 hours. */
  "idempotency-key": Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,255}$/)))
} as const

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
      success: RunStream,
      error: startProblems
    }),
    HttpApiEndpoint.post("single", "/query/single", {
      headers: startHeaders,
      payload: QueryRequest,
      success: SingleAnswer,
      error: startProblems
    })
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1") {}
