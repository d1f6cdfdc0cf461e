// The example of the documentation against the boundary: real HTTP, small services behind it.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { ask } from "../../docs/examples/ask.ts"
import { makeClient } from "../../src/client.ts"
import { DbUnavailable, RedisUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import { SessionNotFound } from "../../src/domain/errors/SessionErrors.ts"
import type { Answer } from "../../src/services/Answers.ts"
import type { Runs } from "../../src/services/Runs.ts"
import { runId, sessionId } from "./Fakes.ts"
import { testServer, TestServer } from "./TestServer.ts"

/** What `ask` comes to where the service answers so. */
const asked = (answer: (typeof Runs.Service)["answer"]) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    const client = yield* makeClient({ baseUrl: url, apiKey: Redacted.make("key-query") })
    return yield* Effect.result(ask(client, sessionId, "What was it?"))
  }).pipe(Effect.provide([FetchHttpClient.layer, testServer({ runs: { answer } })]))

const answer: Answer = {
  result: {
    session_id: sessionId,
    run_id: runId,
    is_error: false,
    saved: true,
    result: "A fig.",
    stop_reason: "end_turn",
    num_turns: 1,
    total_cost_usd: 0.01,
    cost_unknown: false,
    duration_ms: 10,
    usage: null,
    model_usage: null,
    permission_denials: []
  },
  model: "m",
  content: []
}

describe("the example of the typed client", () => {
  it.live("answers", () =>
    Effect.gen(function* () {
      const result = yield* asked(() => Effect.succeed(answer))
      assert.deepStrictEqual(result._tag === "Success" ? result.success : result, { _tag: "Answered", text: "A fig." })
    })
  )

  it.live("handles a session that is gone and a Redis that is away by their tags", () =>
    Effect.gen(function* () {
      const gone = yield* asked(() => Effect.fail(new SessionNotFound({ session_id: sessionId })))
      assert.deepStrictEqual(gone._tag === "Success" ? gone.success : gone, { _tag: "Gone", session: sessionId })
      const away = yield* asked(() => Effect.fail(new RedisUnavailable({ operation: "ping" })))
      assert.deepStrictEqual(away._tag === "Success" ? away.success : away, { _tag: "NotNow" })
    })
  )

  it.live("leaves what it does not handle as it is", () =>
    Effect.gen(function* () {
      const failed = yield* asked(() => Effect.fail(new DbUnavailable({ operation: "start" })))
      assert.instanceOf(failed._tag === "Failure" ? failed.failure : undefined, DbUnavailable)
    })
  )
})
