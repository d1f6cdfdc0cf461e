// A unit test of the client against the boundary: real HTTP, small services behind it.
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { makeClient } from "../../src/client.ts"
import { Forbidden, Unauthorized, ValidationFailed } from "../../src/domain/errors/RequestErrors.ts"
import { SessionIdle, SessionNotFound } from "../../src/domain/errors/SessionErrors.ts"
import { DbUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import { Run, Sequence } from "../../src/domain/Run.ts"
import { Session, SessionId } from "../../src/domain/Session.ts"
import { makeFrame } from "../../src/services/Frame.ts"
import { queuedFrame } from "../../src/services/UnstoredFrames.ts"
import { run, runId, sessionId } from "./Fakes.ts"
import { testServer, TestServer } from "./TestServer.ts"

const clientOf = (key: string) =>
  Effect.flatMap(TestServer, ({ url }) =>
    makeClient({ baseUrl: url, apiKey: Redacted.make(key), reconnectDelay: "20 millis", reconnectAttempts: 3 })
  ).pipe(Effect.provide(FetchHttpClient.layer))

const ids = { session_id: sessionId, run_id: runId }
const frames = [
  { event: "init", data: { ...ids, model: "m", permission_mode: "default", tools: [], mcp_servers: [], commands: [] } },
  { event: "status", data: { status: "compacting", message: null } },
  { event: "status", data: { status: "compacting", message: "line\u2028end" } },
  { event: "done", data: { ...ids, reason: "completed" } }
].map(({ data, event }, index) =>
  makeFrame({
    run_id: runId,
    seq: Sequence.make(index + 1),
    event: event as "init" | "status" | "done",
    data: JSON.stringify(data)
  })
)

/** Gives one frame per connection and then breaks it, so that every frame costs a reconnection. */
const breaking = () => {
  const asked: Array<number> = []
  const from = (after: number) => ({
    run,
    after: Sequence.make(after),
    frames: Stream.concat(
      Stream.fromIterable(frames.slice(after, after + 1)),
      after === frames.length - 1 ? Stream.empty : Stream.fromEffect(Effect.delay(Effect.die(new Error("cut")), 50))
    )
  })
  return {
    asked,
    runs: {
      start: () => Effect.succeed(from(0)),
      follow: (_: unknown, _id: unknown, after: number | null) => {
        asked.push(after ?? 0)
        return Effect.succeed((after ?? 0) >= frames.length ? null : from(after ?? 0))
      }
    }
  }
}

describe("client", () => {
  layer(testServer(), { excludeTestServices: true })((it) => {
    it.effect("gives entities and failures as their classes", () =>
      Effect.gen(function* () {
        const { api } = yield* clientOf("key-query")
        const session = yield* api.sessions.get({ params: { id: sessionId } })
        assert.instanceOf(session, Session)
        const other = SessionId.make("01890000-0000-7000-8000-0000000000ff")
        const absent = yield* Effect.flip(api.sessions.get({ params: { id: other } }))
        assert.instanceOf(absent, SessionNotFound)
        assert.strictEqual(absent._tag === "SessionNotFound" ? absent.session_id : "", other)
        assert.instanceOf(yield* Effect.flip(api.sessions.interrupt({ params: { id: sessionId } })), SessionIdle)
        const scope = yield* Effect.flip(api.tenants.list({ query: {} }))
        assert.instanceOf(scope, Forbidden)
        const cursor = yield* Effect.flip(api.sessions.list({ query: { cursor: "none" } }))
        assert.instanceOf(cursor, ValidationFailed)
        const page = yield* (yield* clientOf("key-all")).api.apiKeys.list({ query: { page_size: 1 } })
        assert.isTrue(page.has_more)
        const next = yield* (yield* clientOf("key-all")).api.apiKeys.list({ query: { cursor: page.next_cursor ?? "" } })
        assert.strictEqual(next.api_keys.length, 1)
      })
    )

    it.effect("tells a wrong key from a database that is away", () =>
      Effect.gen(function* () {
        const wrong = yield* clientOf("wrong")
        assert.instanceOf(yield* Effect.flip(wrong.api.sessions.list({ query: {} })), Unauthorized)
        const down = yield* clientOf("key-down")
        assert.instanceOf(yield* Effect.flip(down.api.sessions.list({ query: {} })), DbUnavailable)
        assert.instanceOf(yield* Effect.flip(Stream.runCollect(wrong.query({ prompt: "a" }))), Unauthorized)
      })
    )
  })

  it.live("takes a stream up again where it was cut, without a gap or a duplicate", () =>
    Effect.gen(function* () {
      const { asked, runs } = breaking()
      yield* Effect.gen(function* () {
        const client = yield* clientOf("key-query")
        const events = yield* Stream.runCollect(client.query({ prompt: "a" }))
        assert.deepStrictEqual(
          events.map(({ event, id }) => `${id} ${event}`),
          ["1 init", "2 status", "3 status", "4 done"]
        )
        assert.deepStrictEqual(asked, [1, 2, 3])
        const [third] = events.slice(2)
        assert.strictEqual(third?.event === "status" ? third.data.message : "", "line\u2028end")
        assert.deepStrictEqual(yield* Stream.runCollect(client.events(runId, Sequence.make(4))), [])
      }).pipe(Effect.provide(testServer({ runs })))
    })
  )

  it.live("goes on with a run that waited for its turn when it was cut", () =>
    Effect.gen(function* () {
      const waiting = new Run({ ...run, status: "queued", ended_at: null })
      const runs = {
        start: () => {
          const first = queuedFrame(waiting, Sequence.make(0))
          return Effect.succeed({ run: waiting, after: Sequence.make(0), frames: Stream.make(first) })
        },
        follow: () => Effect.succeed({ run, after: Sequence.make(0), frames: Stream.fromIterable(frames) })
      }
      yield* Effect.gen(function* () {
        const client = yield* clientOf("key-query")
        const asked = { prompt: "a", on_busy: "queue", on_crash: "resume" } as const
        const events = yield* Stream.runCollect(client.query(asked))
        assert.deepStrictEqual(
          events.map(({ event, id }) => `${id} ${event}`),
          ["0 status", "1 init", "2 status", "3 status", "4 done"]
        )
      }).pipe(Effect.provide(testServer({ runs })))
    })
  )

  it.live("gives up when nothing comes any more", () =>
    Effect.gen(function* () {
      const runs = {
        start: () => Effect.succeed({ run, after: Sequence.make(0), frames: Stream.fromIterable(frames.slice(0, 1)) }),
        follow: () => Effect.succeed({ run, after: Sequence.make(1), frames: Stream.empty })
      }
      yield* Effect.gen(function* () {
        const client = yield* clientOf("key-query")
        const error = yield* Effect.flip(Stream.runCollect(client.query({ prompt: "a" })))
        assert.strictEqual(error._tag, "StreamCut")
      }).pipe(Effect.provide(testServer({ runs })))
    })
  )
})
