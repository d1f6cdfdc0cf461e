// A unit test of the boundary alone: a WebSocket's frames, signs of life and bugs.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Sequence } from "../../src/domain/Run.ts"
import { type Frame, makeFrame } from "../../src/services/Frame.ts"
import { at } from "../service/Json.ts"
import { eventually, until } from "../service/Polling.ts"
import { openSocket } from "../service/Socket.ts"
import { run, runId, sessionId } from "./Fakes.ts"
import { testServer, TestServer } from "./TestServer.ts"

const frame = (seq: number, data: string) =>
  makeFrame({ run_id: runId, seq: Sequence.make(seq), event: "message", data })

const following = (frames: Stream.Stream<Frame>) =>
  testServer({ runs: { follow: () => Effect.succeed({ run, after: Sequence.make(0), frames }) } }, { keepAlive: 100 })

const connect = Effect.gen(function* () {
  const { url } = yield* TestServer
  return yield* Effect.acquireRelease(
    Effect.promise(() => openSocket({ url, key: "key-query" })),
    (socket) => Effect.sync(() => socket.ws.terminate())
  )
})

describe("a WebSocket", () => {
  it.live("is kept alive by pings between its frames, and pulls no more than its client takes", () => {
    let pulled = 0
    const frames = Stream.fromEffectRepeat(Effect.sync(() => frame(++pulled, `"${"x".repeat(10_000)}"`)))
    return Effect.gen(function* () {
      const server = yield* TestServer
      const idle = yield* connect
      const socket = yield* connect
      yield* Effect.promise(() => socket.ask({ type: "subscribe", run_id: runId }, "all"))
      yield* Effect.promise(() => until("events", () => socket.frames.length > 100))
      socket.ws.pause()
      yield* Effect.sleep(400)
      const held = pulled
      yield* Effect.sleep(400)
      assert.strictEqual(pulled, held)
      assert.strictEqual(yield* server.metric("http_open_streams"), 2)
      socket.ws.resume()
      yield* Effect.promise(() => until("it goes on", () => pulled > held + 100))
      yield* Effect.promise(() => until("signs of life", () => idle.pings >= 3 && idle.frames.length === 0))
      const ids = socket.frames.slice(1).map(({ id }) => id)
      assert.deepStrictEqual(
        ids,
        ids.map((_, index) => index + 1)
      )
    }).pipe(Effect.scoped, Effect.provide(following(frames)))
  })

  it.live("ends what it follows, and tells the bug to the log alone, when that breaks", () => {
    const frames = Stream.concat(
      Stream.make(frame(1, '"first"')),
      Stream.fromEffect(Effect.die(new Error("secret of the log")))
    )
    return Effect.gen(function* () {
      const server = yield* TestServer
      const socket = yield* connect
      yield* Effect.promise(() => socket.ask({ type: "subscribe", run_id: runId }, "broken"))
      const end = yield* Effect.promise(() => socket.waitFor("the end", ({ type }) => type === "end"))
      assert.deepStrictEqual(end, { type: "end", session_id: sessionId, run_id: runId, after: 1 })
      const error = socket.frames.find(({ type }) => type === "error")
      assert.deepStrictEqual([at(error, "error.error_id"), at(error, "error.request_id")], ["ERR_INTERNAL", "broken"])
      assert.notInclude(JSON.stringify(socket.frames), "secret")
      const lines = server.lines.filter(({ fields }) => fields["error_id"] === "ERR_INTERNAL")
      assert.strictEqual(lines.length, 1)
      assert.include(String(lines[0]?.fields["defect"]), "secret of the log")
      assert.isUndefined(socket.closed)
    }).pipe(Effect.scoped, Effect.provide(following(frames)))
  })

  it.live("is closed when the server stops, and is one request, counted when it opened", () =>
    Effect.gen(function* () {
      const started = performance.now()
      const series = 'http_requests_total{route="/api/v1/query/ws",method="GET",status="101"}'
      const socket = yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { url } = server
        const before = yield* server.metric(series)
        const opened = yield* Effect.promise(() => openSocket({ url, key: "key-query" }))
        assert.strictEqual(yield* server.metric(series), before + 1)
        return opened
      }).pipe(Effect.provide(following(Stream.never)))
      assert.strictEqual((yield* Effect.promise(() => eventually("the close", () => socket.closed))).code, 1001)
      assert.isBelow(performance.now() - started, 5000)
    })
  )

  it.live("takes sixteen subscriptions and no more", () =>
    Effect.gen(function* () {
      const socket = yield* connect
      const id = (number: number) => `01890000-0000-7000-8000-0000000001${String(number).padStart(2, "0")}`
      for (let number = 0; number < 16; number++) {
        const reply = yield* Effect.promise(() =>
          socket.ask({ type: "subscribe", session_id: id(number) }, `s${number}`)
        )
        assert.strictEqual(reply["type"], "ack")
      }
      const refused = yield* Effect.promise(() => socket.ask({ type: "subscribe", session_id: id(16) }, "more"))
      assert.deepStrictEqual(
        [at(refused, "error.error_id"), at(refused, "error.details")],
        ["ERR_TOO_MANY_SUBSCRIPTIONS", { limit: 16 }]
      )
      yield* Effect.promise(() => socket.ask({ type: "unsubscribe", session_id: sessionId }, "none"))
    }).pipe(
      Effect.scoped,
      Effect.provide(
        testServer({
          runs: {
            followSession: (_, session_id) =>
              Effect.succeed({ session_id, after: Sequence.make(0), frames: Stream.never })
          }
        })
      )
    )
  )
})
