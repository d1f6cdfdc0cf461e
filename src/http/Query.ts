import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { QueryRequest } from "../api/Query.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { Destination } from "../services/RunRequest.ts"
import { Runs } from "../services/Runs.ts"
import { makeEventStreams } from "./EventStream.ts"
import { makeRunRequests } from "./RunRequests.ts"

const split = (payload: typeof QueryRequest.Type) => {
  const { prompt, session_id, title, mode, tags, metadata, ...options } = payload
  const destination: Destination =
    session_id === undefined
      ? {
          _tag: "NewSession",
          title: title ?? null,
          mode: mode ?? "code",
          tags: tags ?? [],
          metadata: metadata ?? {}
        }
      : { _tag: "Session", id: session_id }
  return { prompt, destination, options }
}

/** Answers the endpoints that run an agent on a prompt. */
export const QueryHandlers = HttpApiBuilder.group(
  Api,
  "query",
  Effect.fn(function* (handlers) {
    const runs = yield* Runs
    const eventStream = yield* makeEventStreams
    const runRequest = yield* makeRunRequests
    return handlers
      .handle(
        "stream",
        Effect.fn("query.stream")(function* ({ headers, payload, request }) {
          const { destination, options, prompt } = split(payload)
          const asked = yield* runRequest(request, headers["idempotency-key"], destination, prompt, options)
          return yield* eventStream(yield* runs.start(yield* CurrentPrincipal, asked))
        })
      )
      .handle(
        "single",
        Effect.fn("query.single")(function* ({ headers, payload, request }) {
          const { destination, options, prompt } = split(payload)
          const asked = yield* runRequest(request, headers["idempotency-key"], destination, prompt, options)
          const { content, model, result } = yield* runs.answer(yield* CurrentPrincipal, asked)
          return { ...result, model, content }
        })
      )
  })
)
