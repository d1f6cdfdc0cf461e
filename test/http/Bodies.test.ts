// A unit test of the boundary alone: bodies over the limit, and clients that send all before they read.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { json, problemOf, testServer, TestServer, withKey } from "./TestServer.ts"

const megabyte = 1024 * 1024
const key = "Host: a\r\nX-API-Key: key-query\r\nContent-Type: application/json\r\n"

/** Sends everything, however long that takes, and only then begins to read. */
const sendThenRead = (url: string, chunks: ReadonlyArray<string | Uint8Array>) =>
  Effect.promise(
    () =>
      new Promise<{ readonly text: string; readonly error: string | undefined }>((resolve) => {
        let text = ""
        let error: string | undefined
        const socket = connect(Number(new URL(url).port), "127.0.0.1", async () => {
          socket.pause()
          for (const chunk of chunks) await new Promise((next) => socket.write(chunk, next))
          socket.resume()
        })
        socket.on("data", (chunk) => {
          text += chunk.toString("latin1")
          if (text.includes("}}")) socket.end()
        })
        socket.on("error", (cause) => (error = cause.message))
        socket.on("close", () => resolve({ text, error }))
      })
  )

layer(testServer({}, { maxBodyBytes: 100_000 }), { excludeTestServices: true })("bodies", (it) => {
  it.effect("refuses a long one by its length, and the client can read the answer after sending all", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { error, text } = yield* sendThenRead(server.url, [
        `POST /api/v1/query HTTP/1.1\r\n${key}Content-Length: ${10 * megabyte}\r\n\r\n`,
        ...Array.from({ length: 10 }, () => new Uint8Array(megabyte))
      ])
      assert.isUndefined(error)
      assert.include(text, "HTTP/1.1 413 ")
      assert.include(text, "ERR_PAYLOAD_TOO_LARGE")
    })
  )

  it.effect("refuses a long one in chunks, and the client can read the answer after sending all", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { error, text } = yield* sendThenRead(server.url, [
        `POST /api/v1/query HTTP/1.1\r\n${key}Transfer-Encoding: chunked\r\n\r\n`,
        ...Array.from({ length: 80 }, () => `10000\r\n${"a".repeat(0x10000)}\r\n`),
        "0\r\n\r\n"
      ])
      assert.isUndefined(error)
      assert.include(text, "HTTP/1.1 413 ")
      assert.include(text, "ERR_PAYLOAD_TOO_LARGE")
    })
  )

  it.effect("lets the client read a 401 after sending all", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { error, text } = yield* sendThenRead(server.url, [
        `POST /api/v1/query HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 * megabyte}\r\n\r\n`,
        ...Array.from({ length: 4 }, () => new Uint8Array(megabyte))
      ])
      assert.isUndefined(error)
      assert.include(text, "HTTP/1.1 401 ")
    })
  )

  it.effect("does not take in what the client has announced and not begun", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const text = yield* server.raw(
        `POST /api/v1/query HTTP/1.1\r\n${key}Content-Length: ${10 * megabyte}\r\nExpect: 100-continue\r\n\r\n`
      )
      assert.match(text, /^HTTP\/1\.1 413 /)
    })
  )

  it.effect("asks for what was announced and fits", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const text = yield* server.raw(
        `POST /api/v1/query HTTP/1.1\r\n${key}Content-Length: 14\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
        `{"prompt":"a"}`
      )
      assert.match(text, /^HTTP\/1\.1 100 Continue/)
      assert.include(text, "HTTP/1.1 200 OK")
    })
  )

  it.effect("keeps the connection after a refusal", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const long = "a".repeat(150_000)
      const text = yield* server.raw(
        `POST /api/v1/query HTTP/1.1\r\n${key}Content-Length: ${long.length}\r\n\r\n`,
        long,
        "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      )
      assert.match(text, /^HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 OK/)
    })
  )

  it.effect("takes one that is as long as the limit", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const prompt = "a".repeat(100_000 - `{"prompt":""}`.length)
      const answer = yield* server.request("/api/v1/query", json({ prompt }))
      assert.strictEqual(answer.status, 200)
    })
  )

  it.effect("takes JSON without a content type, with a charset, and of other characters than ASCII", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      for (const type of ["application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"', undefined]) {
        const answer = yield* server.request("/api/v1/query", {
          method: "POST",
          headers: { ...withKey(), ...(type === undefined ? {} : { "content-type": type }) },
          body: new TextEncoder().encode(JSON.stringify({ prompt: "\u00e4\ud83d\ude00\ufffd\\u0000" }))
        })
        assert.strictEqual(answer.status, 200, answer.text)
      }
    })
  )

  it.effect("says how many issues it leaves out", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const answer = yield* server.request("/api/v1/query", json({ prompt: "a", tools: Array(180).fill("") }))
      const issues = problemOf(answer).error.details["issues"] as ReadonlyArray<{ readonly message: string }>
      assert.strictEqual(issues.length, 51)
      assert.strictEqual(issues.at(-1)?.message, "has 130 more issues")
    })
  )
})
