// A unit test of the boundary alone: event streams as they go over the wire.
import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { connect } from "node:net"
import { SessionBusy } from "../../src/domain/errors/SessionErrors.ts"
import { Sequence } from "../../src/domain/Run.ts"
import { type Frame, makeFrame } from "../../src/services/Frame.ts"
import { followed, run, runId, sessionId } from "./Fakes.ts"
import { json, testServer, TestServer, withKey } from "./TestServer.ts"

const frame = (seq: number, data: string) =>
  makeFrame({ run_id: runId, seq: Sequence.make(seq), event: "message", data })

const opening = (after: number) => `retry: 1000\nid: ${after}\n\n`

/** Reads a stream until a text has come, then leaves. */
const readUntil = (url: string, end: string) =>
  Effect.promise(async () => {
    const control = new AbortController()
    const response = await fetch(url, { headers: withKey(), signal: control.signal })
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text.includes(end)) break
    }
    control.abort()
    return text
  })

const events = `/api/v1/runs/${runId}/events`

describe("streams", () => {
  layer(testServer(), { excludeTestServices: true })((it) => {
    it.effect("begin with the cursor and give the bytes of the log", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const answer = yield* server.request("/api/v1/query", json({ prompt: "a" }))
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.headers.get("content-type"), "text/event-stream")
        assert.strictEqual(answer.headers.get("cache-control"), "no-cache, no-transform")
        assert.strictEqual(answer.headers.get("x-accel-buffering"), "no")
        assert.isNotNull(answer.headers.get("x-request-id"))
        const frames = yield* Stream.runCollect(followed.frames)
        const bytes = frames.map((frame) => new TextDecoder().decode(frame.bytes)).join("")
        assert.strictEqual(answer.text, opening(0) + bytes)
      })
    )

    it.effect("answer 204 when a run is over and there is nothing after the cursor", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const after = yield* server.request(`${events}?after=2`, { headers: withKey() })
        assert.deepStrictEqual([after.status, after.text], [204, ""])
        const last = yield* server.request(`${events}?after=0`, { headers: { ...withKey(), "last-event-id": "2" } })
        assert.strictEqual(last.status, 204)
        const all = yield* server.request(`${events}?after=0`, { headers: withKey() })
        assert.strictEqual(all.status, 200)
      })
    )
  })

  const busy = Layer.unwrap(
    Effect.sync(() =>
      testServer({
        runs: { start: () => Effect.fail(new SessionBusy({ session_id: sessionId, run_id: runId })) }
      })
    )
  )
  layer(busy, { excludeTestServices: true })((it) => {
    it.effect("are a status while nothing has begun", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const answer = yield* server.request(`/api/v1/sessions/${sessionId}/resume`, json({ prompt: "hello" }))
        assert.strictEqual(answer.status, 409)
        const line = server.lines.find(({ fields }) => fields["error_id"] === "ERR_SESSION_BUSY")
        assert.strictEqual(line?.fields["session_id"], sessionId)
        assert.strictEqual(line?.fields["run_id"], runId)
        assert.strictEqual(line?.fields["prompt_preview"], "hello")
        assert.strictEqual(line?.fields["api_key_hash"], "a".repeat(64))
      })
    )
  })

  const endless = (frames: Stream.Stream<Frame>, stallTimeout = 60_000) =>
    testServer(
      { runs: { follow: () => Effect.succeed({ run, after: Sequence.make(0), frames }) } },
      { keepAlive: 100, stallTimeout }
    )

  it.live("are kept alive by comments, and closed as soon as their reader leaves", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<void>()
      const queue = yield* Queue.unbounded<Frame>()
      const frames = Stream.ensuring(Stream.fromQueue(queue), Deferred.succeed(closed, undefined))
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const reader = yield* Effect.forkChild(readUntil(server.url + events, "second"))
        yield* Queue.offer(queue, frame(1, "first"))
        yield* Effect.sleep(250)
        assert.strictEqual(yield* server.metric("http_open_streams"), 1)
        yield* Queue.offer(queue, frame(2, "second"))
        const text = yield* Fiber.join(reader)
        yield* Effect.timeout(Deferred.await(closed), 1000)
        assert.match(
          text,
          /^retry: 1000\nid: 0\n\nid: 1\nevent: message\ndata: first\n\n(: keep-alive\n\n)+id: 2\nevent: message\ndata: second\n\n/
        )
        assert.strictEqual(yield* server.metric("http_open_streams"), 0)
        assert.deepStrictEqual(
          server.lines.filter(({ level }) => level !== "Info"),
          []
        )
      }).pipe(Effect.provide(endless(frames)))
    })
  )

  it.live("pull no more than the reader takes", () =>
    Effect.gen(function* () {
      let pulled = 0
      const data = "x".repeat(10_000)
      const frames = Stream.fromEffectRepeat(Effect.sync(() => frame(++pulled, data)))
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const socket = yield* Effect.acquireRelease(
          Effect.sync(() => connect(Number(new URL(server.url).port), "127.0.0.1")),
          (socket) => Effect.sync(() => socket.destroy())
        )
        socket.pause()
        socket.write(`GET ${events} HTTP/1.1\r\nHost: a\r\nX-API-Key: key-query\r\n\r\n`)
        yield* Effect.sleep(700)
        const held = pulled
        assert.isBelow(held, 2000)
        yield* Effect.sleep(500)
        assert.strictEqual(pulled, held)
      }).pipe(Effect.scoped, Effect.provide(endless(frames)))
    })
  )

  it.live("are cut when their reader takes nothing, but not when it is slow or has nothing to take", () =>
    Effect.gen(function* () {
      let closed = 0
      let opened = 0
      const data = "x".repeat(10_000)
      const frames = Stream.suspend(() => {
        opened += 1
        // The third one is idle.
        const source = opened < 3 ? Stream.fromEffectRepeat(Effect.sync(() => frame(1, data))) : Stream.never
        return Stream.ensuring(
          source,
          Effect.sync(() => (closed += 1))
        )
      })
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const ask = Effect.acquireRelease(
          Effect.sync(() => {
            const socket = connect(Number(new URL(server.url).port), "127.0.0.1")
            socket.on("error", () => {})
            socket.write(`GET ${events} HTTP/1.1\r\nHost: a\r\nX-API-Key: key-query\r\n\r\n`)
            return socket
          }),
          (socket) => Effect.sync(() => socket.destroy())
        )
        const stalled = yield* ask
        stalled.pause()
        yield* Effect.sleep(100)
        const slow = yield* ask
        slow.on("data", () => {
          slow.pause()
          setTimeout(() => slow.resume(), 5)
        })
        yield* Effect.sleep(100)
        yield* ask
        yield* Effect.sleep(1500)
        assert.strictEqual(closed, 1)
        assert.strictEqual(yield* server.metric("http_stalled_streams_total"), 1)
        assert.strictEqual(yield* server.metric("http_open_streams"), 2)
        const lines = server.lines.filter(({ level }) => level === "Warn")
        assert.strictEqual(lines.length, 1)
        assert.strictEqual(lines[0]?.fields["run_id"], runId)
      }).pipe(Effect.scoped, Effect.provide(endless(frames, 600)))
    })
  )

  it.live("are cut, and the bug told to the log alone, when they break", () =>
    Effect.gen(function* () {
      const frames = Stream.concat(
        Stream.make(frame(1, "first")),
        Stream.fromEffect(Effect.delay(Effect.die(new Error("secret of the log")), 100))
      )
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const text = yield* server.raw(`GET ${events} HTTP/1.1\r\nHost: a\r\nX-API-Key: key-query\r\n\r\n`)
        assert.include(text, "data: first")
        assert.notInclude(text, "secret")
        assert.notMatch(text, /\r\n0\r\n\r\n$/)
        const lines = server.lines.filter(({ fields }) => fields["error_id"] === "ERR_INTERNAL")
        assert.strictEqual(lines.length, 1)
        assert.include(String(lines[0]?.fields["defect"]), "secret of the log")
        assert.strictEqual(lines[0]?.fields["run_id"], runId)
      }).pipe(Effect.provide(endless(frames)))
    })
  )

  it.live("end when the server stops, and so does it", () =>
    Effect.gen(function* () {
      const started = performance.now()
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const reader = connect(Number(new URL(server.url).port), "127.0.0.1")
        reader.on("error", () => {})
        reader.write(`GET ${events} HTTP/1.1\r\nHost: a\r\nX-API-Key: key-query\r\n\r\n`)
        yield* Effect.sleep(100)
      }).pipe(Effect.provide(endless(Stream.never)))
      assert.isBelow(performance.now() - started, 5000)
    })
  )
})
