import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { AnswerRequest } from "../api/Approvals.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { Approval } from "../domain/Approval.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Approvals, type SessionAnswer } from "../services/Approvals.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** What is said of an answer that has arrived. */
export const answered = ({ id: approval_id, run_id, session_id }: Approval) =>
  ({ status: "accepted", approval_id, session_id, run_id }) as const

/** The answer in a request: a text, or a decision with what belongs to it. */
export const givenAnswer = ({
  answer,
  approval_id: _id,
  decision,
  ...details
}: typeof AnswerRequest.Type): SessionAnswer => (decision === undefined ? (answer ?? "") : { decision, ...details })

/** Answers the endpoints of what agents ask. */
export const ApprovalsHandlers = HttpApiBuilder.group(
  Api,
  "approvals",
  Effect.fn(function* (handlers) {
    const approvals = yield* Approvals
    return handlers
      .handle(
        "list",
        Effect.fn("approvals.list")(function* ({ query: { cursor, page_size = defaultPageSize, ...filter } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* approvals.list(yield* CurrentPrincipal, filter, position, page_size)
          return { approvals: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "get",
        Effect.fn("approvals.get")(function* ({ params }) {
          return yield* approvals.get(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "answer",
        Effect.fn("approvals.answer")(function* ({ params, payload }) {
          return answered(yield* approvals.answer(yield* CurrentPrincipal, params.id, payload))
        })
      )
  })
)
