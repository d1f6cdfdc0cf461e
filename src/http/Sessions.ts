import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Approvals } from "../services/Approvals.ts"
import { Runs } from "../services/Runs.ts"
import { Sessions } from "../services/Sessions.ts"
import { answered, givenAnswer } from "./Approvals.ts"
import { messagePosition, messagesEnd, pageEnd, pagePosition } from "./Cursors.ts"
import { makeEventStreams } from "./EventStream.ts"
import { makeRunStarts } from "./RunStarts.ts"

/** Answers the endpoints of sessions. */
export const SessionsHandlers = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fn(function* (handlers) {
    const approvals = yield* Approvals
    const sessions = yield* Sessions
    const runs = yield* Runs
    const eventStreams = yield* makeEventStreams
    const startRun = yield* makeRunStarts

    return handlers
      .handle(
        "list",
        Effect.fn("sessions.list")(function* ({ query: { cursor, page_size = defaultPageSize, ...filter } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* sessions.list(yield* CurrentPrincipal, filter, position, page_size)
          return { sessions: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "get",
        Effect.fn("sessions.get")(function* ({ params }) {
          return yield* sessions.get(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "update",
        Effect.fn("sessions.update")(function* ({ params, payload }) {
          return yield* sessions.update(yield* CurrentPrincipal, params.id, payload)
        })
      )
      .handle(
        "delete",
        Effect.fn("sessions.delete")(function* ({ params }) {
          return yield* sessions.delete(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "tag",
        Effect.fn("sessions.tag")(function* ({ params, payload }) {
          return yield* sessions.update(yield* CurrentPrincipal, params.id, payload)
        })
      )
      .handle(
        "promote",
        Effect.fn("sessions.promote")(function* ({ params, payload }) {
          return yield* sessions.promote(yield* CurrentPrincipal, params.id, payload.project_id)
        })
      )
      .handle(
        "messages",
        Effect.fn("sessions.messages")(function* ({ params, query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* messagePosition(cursor)
          const page = yield* sessions.messages(yield* CurrentPrincipal, params.id, position, page_size)
          return {
            messages: page.messages.map(({ message, ...place }) => ({ ...place, ...message })),
            ...messagesEnd(page.next)
          }
        })
      )
      .handle(
        "events",
        Effect.fn("sessions.events")(function* ({ headers, params, query }) {
          const after = headers["last-event-id"] ?? query.after ?? null
          yield* eventStreams.enter
          const followed = yield* runs.followSession(yield* CurrentPrincipal, params.id, after)
          return followed === null ? undefined : yield* eventStreams.answer(followed)
        })
      )
      .handle("resume", ({ headers, params, payload, request }) =>
        startRun(request, headers["idempotency-key"], { _tag: "Session", id: params.id }, payload)
      )
      .handle("fork", ({ headers, params, payload, request }) =>
        startRun(request, headers["idempotency-key"], { _tag: "Fork", of: params.id }, payload)
      )
      .handle(
        "interrupt",
        Effect.fn("sessions.interrupt")(function* ({ params }) {
          const run_id = yield* runs.interrupt(yield* CurrentPrincipal, params.id)
          return { status: "interrupted", session_id: params.id, run_id }
        })
      )
      .handle(
        "answer",
        Effect.fn("sessions.answer")(function* ({ params, payload }) {
          const { approval_id } = payload
          const principal = yield* CurrentPrincipal
          return answered(yield* approvals.answerSession(principal, params.id, approval_id, givenAnswer(payload)))
        })
      )
      .handle(
        "control",
        Effect.fn("sessions.control")(function* ({ params, payload: { type: _type, ...change } }) {
          const run_id = yield* runs.change(yield* CurrentPrincipal, params.id, change)
          return { status: "accepted", session_id: params.id, run_id, ...change }
        })
      )
  })
)
