// A unit test of the boundary alone: what becomes of a request that is under way when the server stops, or its client leaves.
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { json, problemOf, testServer, TestServer } from "./TestServer.ts"

const single = "/api/v1/query/single"

it.live("answers 503 to who still waits when the server stops", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(testServer({ runs: { answer: () => Effect.never } }), scope)
    const server = Context.get(context, TestServer)
    const waiting = yield* Effect.forkChild(server.request(single, json({ prompt: "a" })))
    yield* Effect.sleep(200)
    yield* Scope.close(scope, Exit.void)
    const answer = yield* Fiber.join(waiting)
    assert.strictEqual(answer.status, 503)
    assert.strictEqual(problemOf(answer).error.error_id, "ERR_SHUTTING_DOWN")
    assert.strictEqual(answer.headers.get("retry-after"), "5")
  })
)

it.live("stops the work of a client that leaves, and takes that for no failure", () =>
  Effect.gen(function* () {
    const stopped = yield* Deferred.make<void>()
    const answer = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))
    yield* Effect.gen(function* () {
      const server = yield* TestServer
      const control = new AbortController()
      const left = fetch(new URL(single, server.url), { ...json({ prompt: "a" }), signal: control.signal })
      left.catch(() => {})
      yield* Effect.sleep(200)
      control.abort()
      yield* Effect.timeout(Deferred.await(stopped), 2000)
      yield* Effect.sleep(50)
      assert.deepStrictEqual(
        server.lines.filter(({ fields }) => fields["error_id"] !== undefined),
        []
      )
      const series = `http_requests_total{route="${single}",method="POST",status="499"}`
      assert.isAtLeast(yield* server.metric(series), 1)
    }).pipe(Effect.provide(testServer({ runs: { answer } })))
  })
)
