import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { SessionRuleNotFound } from "../domain/errors/ApprovalErrors.ts"
import { RunUnresponsive, SessionNotFound } from "../domain/errors/SessionErrors.ts"
import { SessionId } from "../domain/Session.ts"
import { SessionRule, SessionRuleId } from "../domain/SessionRule.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

/** A page of what is allowed for a session, by what was asked last. */
export const SessionRuleList = Schema.Struct({ rules: Schema.Array(SessionRule), ...pageFields }).annotate({
  identifier: "SessionRuleList"
})

/** What people have allowed for a session. */
export class SessionRulesApi extends HttpApiGroup.make("sessionRules")
  .add(
    HttpApiEndpoint.get("list", "/sessions/:id/rules", {
      params: { id: SessionId },
      query: pageParameters,
      success: SessionRuleList,
      error: [problem(SessionNotFound), ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List what is allowed for a session",
        description:
          "What answers with `scope: session` have allowed and nobody has taken back; what was asked last comes first. A fork begins without."
      })
    ),
    HttpApiEndpoint.delete("revoke", "/sessions/:id/rules/:rule_id", {
      params: { id: SessionId, rule_id: SessionRuleId },
      success: HttpApiSchema.NoContent,
      error: [
        problem(SessionNotFound),
        problem(SessionRuleNotFound),
        problem(RunUnresponsive),
        ...readProblems,
        ...writeProblems
      ]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Take back what was allowed for a session",
        description:
          "Answers when the agent that is at work has it no more; a call that it has begun goes on. Sent again it does the same again. With 503 the rule is gone for all later runs, and for the one at work as soon as its instance hears of it."
      })
    )
  )
  .annotateEndpoints(RequiredScope, "approvals")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Session rules",
      description: "What people have allowed for a session; needs the scope `approvals`, which `query` has in it."
    })
  ) {}
