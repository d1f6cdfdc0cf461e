import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { SessionBusy, SessionIdle, SessionNotFound, RunUnresponsive } from "../domain/errors/SessionErrors.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { MessageData } from "../domain/RunEvent.ts"
import {
  Session,
  SessionId,
  SessionMetadata,
  SessionMode,
  SessionStatus,
  SessionTag,
  SessionTags,
  SessionTitle
} from "../domain/Session.ts"
import { Authentication } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, startProblems, writeProblems } from "./Problems.ts"
import { ContinueRequest, startHeaders } from "./Query.ts"
import { RequestBody } from "./RequestBody.ts"
import { RunStream } from "./RunStream.ts"

const params = { id: SessionId }
const absent = problem(SessionNotFound)
const search = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

/** A page of sessions, newest first. */
export const SessionList = Schema.Struct({ sessions: Schema.Array(Session), ...pageFields }).annotate({
  identifier: "SessionList"
})

/** A stored message with its place in the history. */
export const StoredMessage = Schema.Struct({
  /** Its session: a fork's history begins with messages of the session that it was forked from. */
  session_id: SessionId,
  run_id: RunId,
  seq: Sequence,
  ...MessageData.fields
}).annotate({ identifier: "StoredMessage" })

/** A page of a session's messages, oldest first. */
export const MessageList = Schema.Struct({ messages: Schema.Array(StoredMessage), ...pageFields }).annotate({
  identifier: "MessageList"
})

/** What a client may change of a session; null takes the title away. */
export const SessionChange = Schema.Struct({
  title: Schema.optionalKey(Schema.NullOr(SessionTitle)),
  metadata: Schema.optionalKey(SessionMetadata)
}).annotate({ identifier: "SessionChange" })

/** An interrupt that the run has taken. */
export const Interrupted = Schema.Struct({
  status: Schema.Literal("interrupted"),
  session_id: SessionId,
  run_id: RunId
}).annotate({ identifier: "Interrupted" })

/** Sessions: to find, to read, to change and to go on with. */
export class SessionsApi extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/sessions", {
      query: {
        ...pageParameters,
        mode: Schema.optionalKey(SessionMode),
        status: Schema.optionalKey(SessionStatus),
        /** May be repeated: all must match. */
        tags: Schema.optionalKey(Schema.Array(SessionTag)),
        created_after: Schema.optionalKey(Schema.DateTimeUtcFromString),
        created_before: Schema.optionalKey(Schema.DateTimeUtcFromString),
        /** Part of the title, in either case. */
        search: Schema.optionalKey(search)
      },
      success: SessionList,
      error: readProblems
    }),
    HttpApiEndpoint.get("get", "/sessions/:id", {
      params,
      success: Session,
      error: [absent, ...readProblems]
    }),
    HttpApiEndpoint.patch("update", "/sessions/:id", {
      params,
      payload: SessionChange,
      success: Session,
      error: [absent, ...writeProblems]
    }),
    HttpApiEndpoint.delete("delete", "/sessions/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, problem(SessionBusy), ...writeProblems]
    }),
    HttpApiEndpoint.patch("tag", "/sessions/:id/tags", {
      params,
      payload: Schema.Struct({ tags: SessionTags }).annotate({ identifier: "TagChange" }),
      success: Session,
      error: [absent, ...writeProblems]
    }),
    HttpApiEndpoint.get("messages", "/sessions/:id/messages", {
      params,
      query: pageParameters,
      success: MessageList,
      error: [absent, ...readProblems]
    }),
    HttpApiEndpoint.post("resume", "/sessions/:id/resume", {
      params,
      headers: startHeaders,
      payload: ContinueRequest,
      success: RunStream,
      error: startProblems
    }),
    HttpApiEndpoint.post("fork", "/sessions/:id/fork", {
      params,
      headers: startHeaders,
      payload: ContinueRequest,
      success: RunStream,
      error: startProblems
    }),
    HttpApiEndpoint.post("interrupt", "/sessions/:id/interrupt", {
      params,
      success: Interrupted,
      error: [absent, problem(SessionIdle), problem(RunUnresponsive), ...readProblems]
    })
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1") {}
