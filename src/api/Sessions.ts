import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BudgetLimit } from "../domain/Budget.ts"
import { DatetimeParse, Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import {
  NothingToAnswer,
  RunChangeRefused,
  RunUnresponsive,
  SessionBusy,
  SessionIdle,
  SessionNotFound
} from "../domain/errors/SessionErrors.ts"
import { ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import { ProjectId } from "../domain/Project.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { RunChange } from "../domain/RunChange.ts"
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
import { Answered, AnswerRequest, answerProblems } from "./Approvals.ts"
import { Authentication, RequiredScope, StartsRun } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { followProblems, readProblems, startProblems, writeProblems } from "./Problems.ts"
import { Accepted, ContinueRequest, startHeaders } from "./Query.ts"
import { RequestBody } from "./RequestBody.ts"
import { Interrupted } from "./Runs.ts"
import { cursorHeaders, cursorQuery, RunStream } from "./RunStream.ts"
import { Timestamp } from "./Timestamp.ts"

const params = { id: SessionId }
const absent = problem(SessionNotFound)
// PostgreSQL has no NUL in its texts, and a URL can bring one.
const storable = Schema.isPattern(/^[^\0]*$/)
const search = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200), storable)

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

/** What a client may change of a session; null takes the title or the budget away. */
export const SessionChange = Schema.Struct({
  title: Schema.optionalKey(Schema.NullOr(SessionTitle)),
  metadata: Schema.optionalKey(SessionMetadata),
  /** What all its runs together may spend. Raised, it lets a session go on that had reached it. */
  budget_usd: Schema.optionalKey(Schema.NullOr(BudgetLimit))
}).annotate({ identifier: "SessionChange" })

const oneChange = Schema.makeFilter(
  ({
    model,
    permission_mode,
    type
  }: {
    readonly model?: string
    readonly permission_mode?: string
    readonly type?: string
  }) => {
    if (type === "permission_mode_change" && permission_mode === undefined) return missing("permission_mode")
    if (type === "model_change" && model === undefined) return missing("model")
    return permission_mode === undefined && model === undefined ? missing("permission_mode") : []
  }
)

const missing = (name: string) => [{ path: [name], issue: "is missing: something must change" }]

/** What is to change of a run while its agent is at work; at least one of the two. */
export const ControlRequest = Schema.Struct({
  /** What it is about, for clients that say so. */
  type: Schema.optionalKey(Schema.Literals(["permission_mode_change", "model_change"])),
  ...RunChange.fields
})
  .check(oneChange)
  .annotate({ identifier: "ControlRequest" })

/** A change that the run's agent has made. */
export const Controlled = Schema.Struct({
  status: Schema.Literal("accepted"),
  session_id: SessionId,
  run_id: RunId,
  ...RunChange.fields
}).annotate({ identifier: "Controlled" })

/** Sessions: to find, to read, to change and to go on with. */
export class SessionsApi extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/sessions", {
      query: {
        ...pageParameters,
        mode: Schema.optionalKey(SessionMode),
        status: Schema.optionalKey(SessionStatus),
        project_id: Schema.optionalKey(ProjectId),
        /** May be repeated: all must match. */
        tags: Schema.optionalKey(Schema.Array(SessionTag.check(storable))),
        created_after: Schema.optionalKey(Timestamp),
        created_before: Schema.optionalKey(Timestamp),
        /** Part of the title, in either case. */
        search: Schema.optionalKey(search)
      },
      success: SessionList,
      error: [problem(DatetimeParse), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "List sessions" })),
    HttpApiEndpoint.get("get", "/sessions/:id", {
      params,
      success: Session,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a session" })),
    HttpApiEndpoint.patch("update", "/sessions/:id", {
      params,
      payload: SessionChange,
      success: Session,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Change a session's title, metadata or budget" })),
    HttpApiEndpoint.delete("delete", "/sessions/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, problem(SessionBusy), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Delete a session",
        description: "Removes it with its runs and events. Forks keep what they took from it."
      })
    ),
    HttpApiEndpoint.patch("tag", "/sessions/:id/tags", {
      params,
      payload: Schema.Struct({ tags: SessionTags }).annotate({ identifier: "TagChange" }),
      success: Session,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Set a session's tags" })),
    HttpApiEndpoint.post("promote", "/sessions/:id/promote", {
      params,
      payload: Schema.Struct({ project_id: ProjectId }).annotate({ identifier: "Promotion" }),
      success: Session,
      error: [absent, problem(ProjectNotFound), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Put a session into a project",
        description: "It becomes one of mode `code`, and stays in the directory that it has."
      })
    ),
    HttpApiEndpoint.get("messages", "/sessions/:id/messages", {
      params,
      query: pageParameters,
      success: MessageList,
      error: [absent, ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List a session's messages",
        description: "Oldest first. A fork begins with the messages of the session that it left."
      })
    ),
    HttpApiEndpoint.get("events", "/sessions/:id/events", {
      params,
      headers: cursorHeaders,
      query: cursorQuery,
      success: [RunStream, HttpApiSchema.NoContent],
      error: [absent, problem(ValidationFailed), ...followProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Follow a session's events",
        description:
          "Events of all its runs after `Last-Event-ID` or `after`, as they were stored, then those that follow. The stream ends when no run is live; 204 when there is nothing after the cursor either. A fork has its own events only."
      })
    ),
    HttpApiEndpoint.post("resume", "/sessions/:id/resume", {
      params,
      headers: startHeaders,
      payload: ContinueRequest,
      success: [RunStream, Accepted],
      error: startProblems
    })
      .annotate(StartsRun, true)
      .annotateMerge(
        OpenApi.annotations({
          summary: "Go on with a session",
          description: "Starts another run in the session and answers with its events."
        })
      ),
    HttpApiEndpoint.post("fork", "/sessions/:id/fork", {
      params,
      headers: startHeaders,
      payload: ContinueRequest,
      success: [RunStream, Accepted],
      error: startProblems
    })
      .annotate(StartsRun, true)
      .annotateMerge(
        OpenApi.annotations({
          summary: "Go on from a session in a new one",
          description:
            "Starts a run in a new session that begins with all that was said here, and answers with its events."
        })
      ),
    HttpApiEndpoint.post("interrupt", "/sessions/:id/interrupt", {
      params,
      success: Interrupted,
      error: [absent, problem(SessionIdle), problem(RunUnresponsive), ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Interrupt the run of a session",
        description:
          "The one that is at work, or else the next one of those that wait. Answers when the run has taken it."
      })
    ),
    HttpApiEndpoint.post("answer", "/sessions/:id/answer", {
      params,
      payload: AnswerRequest,
      success: Answered,
      error: [absent, problem(NothingToAnswer), ...answerProblems]
    })
      .annotate(RequiredScope, "approvals")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Answer what a session asks",
          description:
            "`answer` is the answer to a single question; everything else takes a `decision`. Without `approval_id` the oldest that is open is meant. Needs the scope `approvals`, which `query` has in it."
        })
      ),
    HttpApiEndpoint.post("control", "/sessions/:id/control", {
      params,
      payload: ControlRequest,
      success: Controlled,
      error: [
        absent,
        problem(Forbidden),
        problem(SessionIdle),
        problem(RunChangeRefused),
        problem(RunUnresponsive),
        ...readProblems
      ]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Change permission mode or model of a session's run",
        description:
          "Answers when the run's agent has changed. `bypassPermissions` needs the scope `bypass_permissions`, of this key and of the one that started the run. The next run of the session is as its own request says."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Sessions",
      description: "Conversations with agents: find, read, change and go on with them."
    })
  ) {}
