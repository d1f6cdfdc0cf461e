import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Approval, type ApprovalAnswer, approvalAnswerFields, ApprovalId, ApprovalStatus } from "../domain/Approval.ts"
import { ApprovalAnswered, ApprovalNotFound, ApprovalOver } from "../domain/errors/ApprovalErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { RunUnresponsive } from "../domain/errors/SessionErrors.ts"
import { RunId } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: ApprovalId }

/** A page of approvals, newest first. */
export const ApprovalList = Schema.Struct({ approvals: Schema.Array(Approval), ...pageFields }).annotate({
  identifier: "ApprovalList"
})

const without = (answer: Partial<ApprovalAnswer>, names: ReadonlyArray<keyof ApprovalAnswer>, decision: string) =>
  names.flatMap((name) => (answer[name] === undefined ? [] : [{ path: [name], issue: `is not for ${decision}` }]))

const consistent = (answer: Partial<ApprovalAnswer>) => {
  const { decision, scope } = answer
  if (decision === "allow") return without(answer, ["message"], "allow")
  if (decision === "deny") {
    return [
      ...without(answer, ["input", "answers"], "deny"),
      ...(scope === "session" ? [{ path: ["scope"], issue: "is not for deny" }] : [])
    ]
  }
  return without(answer, ["scope", "message", "input", "answers"], "an answer without a decision")
}

/** An answer whose parts fit together. */
export const ApprovalDecision = Schema.Struct(approvalAnswerFields)
  .check(Schema.makeFilter(consistent))
  .annotate({ identifier: "ApprovalDecision" })

const { decision, ...details } = approvalAnswerFields

/** The fields of an answer to what a session asks. They are named as on the wire. */
export const sessionAnswerFields = {
  /** The answer to a single question. */
  answer: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100_000))),
  /** What is answered; the oldest that is open when absent. */
  approval_id: Schema.optionalKey(ApprovalId),
  decision: Schema.optionalKey(decision),
  ...details
} as const

/** An answer is a text or a decision. */
export const oneAnswer = Schema.makeFilter((given: Partial<ApprovalAnswer> & { readonly answer?: string }) =>
  (given.answer === undefined) === (given.decision === undefined)
    ? [{ path: ["answer"], issue: "or decision, and not both, is the answer" }]
    : consistent(given)
)

/** An answer to what a session asks: a text for a single question, or a decision. */
export const AnswerRequest = Schema.Struct(sessionAnswerFields)
  .check(oneAnswer)
  .annotate({ identifier: "AnswerRequest" })

/** An answer that has reached the run, or the queue from which it goes on. */
export const Answered = Schema.Struct({
  status: Schema.Literal("accepted"),
  approval_id: ApprovalId,
  session_id: SessionId,
  run_id: RunId
}).annotate({ identifier: "Answered" })

/** What answering can fail with. */
export const answerProblems = [
  problem(ApprovalNotFound),
  problem(ApprovalAnswered),
  problem(ApprovalOver),
  problem(ValidationFailed),
  problem(Forbidden),
  problem(RunUnresponsive),
  ...readProblems,
  ...writeProblems
] as const

/** What agents ask people: an inbox, and the answers. */
export class ApprovalsApi extends HttpApiGroup.make("approvals")
  .add(
    HttpApiEndpoint.get("list", "/approvals", {
      query: {
        ...pageParameters,
        status: Schema.optionalKey(ApprovalStatus),
        session_id: Schema.optionalKey(SessionId),
        run_id: Schema.optionalKey(RunId)
      },
      success: ApprovalList,
      error: readProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List what agents ask",
        description: "Newest first; with `status=pending` it is an inbox of what waits for an answer."
      })
    ),
    HttpApiEndpoint.get("get", "/approvals/:id", {
      params,
      success: Approval,
      error: [problem(ApprovalNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read what an agent asks" })),
    HttpApiEndpoint.post("answer", "/approvals/:id", {
      params,
      payload: ApprovalDecision,
      success: Answered,
      error: answerProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Answer what an agent asks",
        description:
          "Answers when the run has the answer, or is on its way to go on with it. Of several answers the first one counts. Another `input` than what was asked needs the scope `query`."
      })
    )
  )
  .annotateEndpoints(RequiredScope, "approvals")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Approvals",
      description: "What agents ask people, and the answers; needs the scope `approvals`, which `query` has in it."
    })
  ) {}
