import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Runs } from "../services/Runs.ts"
import { makeEventStreams } from "./EventStream.ts"

/** Answers the endpoints of runs. */
export const RunsHandlers = HttpApiBuilder.group(
  Api,
  "runs",
  Effect.fn(function* (handlers) {
    const runs = yield* Runs
    const eventStreams = yield* makeEventStreams
    return handlers
      .handle(
        "get",
        Effect.fn("runs.get")(function* ({ params }) {
          return yield* runs.get(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "events",
        Effect.fn("runs.events")(function* ({ headers, params, query }) {
          const after = headers["last-event-id"] ?? query.after ?? null
          yield* eventStreams.enter
          const followed = yield* runs.follow(yield* CurrentPrincipal, params.id, after)
          return followed === null ? undefined : yield* eventStreams.answer(followed)
        })
      )
      .handle(
        "interrupt",
        Effect.fn("runs.interrupt")(function* ({ params }) {
          const { session_id } = yield* runs.interruptRun(yield* CurrentPrincipal, params.id)
          return { status: "interrupted", session_id, run_id: params.id }
        })
      )
  })
)
