import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { QueryRequest } from "../api/Query.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Run } from "../domain/Run.ts"
import type { Destination } from "../services/RunRequest.ts"
import { Runs } from "../services/Runs.ts"
import { accepted } from "./Accepted.ts"
import { identityOf, makeRunRequests } from "./RunRequests.ts"
import { makeRunStarts } from "./RunStarts.ts"

/** Takes apart where a prompt goes and what is asked of the agent. */
export const splitQuery = (payload: typeof QueryRequest.Type) => {
  const { session_id, title, mode, tags, metadata, project_id, session_budget_usd, ...asked } = payload
  const destination: Destination =
    session_id === undefined
      ? {
          _tag: "NewSession",
          title: title ?? null,
          mode: mode ?? "code",
          tags: tags ?? [],
          metadata: metadata ?? {},
          project_id: project_id ?? null,
          budget_usd: session_budget_usd ?? null
        }
      : { _tag: "Session", id: session_id }
  return { destination, asked }
}

/** Answers the endpoints that run an agent on a prompt. */
export const QueryHandlers = HttpApiBuilder.group(
  Api,
  "query",
  Effect.fn(function* (handlers) {
    const runs = yield* Runs
    const startRun = yield* makeRunStarts
    const runRequest = yield* makeRunRequests
    return handlers
      .handle(
        "stream",
        Effect.fn("query.stream")(function* ({ headers, payload, request }) {
          const { asked, destination } = splitQuery(payload)
          return yield* startRun(request, headers["idempotency-key"], destination, asked)
        })
      )
      .handle(
        "single",
        Effect.fn("query.single")(function* ({ headers, payload, request }) {
          const { asked, destination } = splitQuery(payload)
          const run = yield* runRequest(identityOf(request), headers["idempotency-key"], destination, asked)
          const principal = yield* CurrentPrincipal
          if (run.background) return yield* accepted(yield* runs.submit(principal, run))
          const answered = yield* runs.answer(principal, run)
          // It waits for somebody, perhaps for hours.
          if (answered instanceof Run) return yield* accepted(answered)
          const { content, model, result } = answered
          return { ...result, model, content }
        })
      )
  })
)
