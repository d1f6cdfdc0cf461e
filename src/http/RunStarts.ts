import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { Destination } from "../services/RunRequest.ts"
import { Runs } from "../services/Runs.ts"
import { accepted } from "./Accepted.ts"
import { makeEventStreams } from "./EventStream.ts"
import { identityOf, makeRunRequests, type RunPayload } from "./RunRequests.ts"

/** Starts runs and answers with their events, or with the run alone where it goes on in the background. */
export const makeRunStarts = Effect.gen(function* () {
  const runs = yield* Runs
  const eventStreams = yield* makeEventStreams
  const runRequest = yield* makeRunRequests

  return Effect.fn(function* (
    request: HttpServerRequest.HttpServerRequest,
    idempotencyKey: string | undefined,
    destination: Destination,
    payload: RunPayload
  ) {
    const asked = yield* runRequest(identityOf(request), idempotencyKey, destination, payload)
    const principal = yield* CurrentPrincipal
    if (asked.background) return yield* accepted(yield* runs.submit(principal, asked))
    yield* eventStreams.enter
    return yield* eventStreams.answer(yield* runs.start(principal, asked))
  })
})
