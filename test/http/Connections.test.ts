// A unit test of the boundary alone: what comes over a connection and is no whole request.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { catalogue } from "../../src/domain/errors/catalogue.ts"
import { testServer, TestServer } from "./TestServer.ts"

const head = (text: string) => `${text}\r\nHost: a\r\n`
const key = "X-API-Key: key-query\r\n"

const cases: ReadonlyArray<{
  readonly name: string
  readonly pieces: ReadonlyArray<string>
  readonly tag: keyof typeof catalogue
}> = [
  { name: "bytes that are no HTTP", pieces: ["\x16\x03\x01 hello\r\n\r\n"], tag: "RequestMalformed" },
  {
    name: "a header line without a colon",
    pieces: [`${head("GET /health HTTP/1.1")}nonsense\r\n\r\n`],
    tag: "RequestMalformed"
  },
  { name: "a request without Host", pieces: ["GET /health HTTP/1.1\r\n\r\n"], tag: "RequestMalformed" },
  { name: "CONNECT", pieces: [`${head("CONNECT a:1 HTTP/1.1")}\r\n`], tag: "RequestMalformed" },
  {
    name: "two different lengths",
    pieces: [`${head("POST /api/v1/query HTTP/1.1")}${key}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    tag: "RequestMalformed"
  },
  {
    name: "a chunk that is none",
    pieces: [`${head("POST /api/v1/query HTTP/1.1")}${key}Transfer-Encoding: chunked\r\n\r\n`, "zz\r\n"],
    tag: "RequestMalformed"
  },
  {
    name: "headers over 16 KiB",
    pieces: [`${head("GET /health HTTP/1.1")}X-Big: ${"a".repeat(20_000)}\r\n\r\n`],
    tag: "HeadersTooLarge"
  },
  { name: "a URL over 16 KiB", pieces: [`${head(`GET /${"a".repeat(20_000)} HTTP/1.1`)}\r\n`], tag: "HeadersTooLarge" },
  { name: "half a head", pieces: ["GET /health HTTP/1.1\r\nHost:"], tag: "RequestTimedOut" },
  {
    name: "half a body",
    pieces: [`${head("POST /api/v1/query HTTP/1.1")}${key}Content-Length: 100\r\n\r\n{"prompt"`],
    tag: "RequestTimedOut"
  }
]

layer(testServer({}, { headersTimeout: 200, requestTimeout: 400 }), { excludeTestServices: true })(
  "connections",
  (it) => {
    for (const { name, pieces, tag } of cases) {
      it.effect(`answers ${name}`, () =>
        Effect.gen(function* () {
          const server = yield* TestServer
          const entry = catalogue[tag]
          const text = yield* server.raw(...pieces)
          const [top = "", body = ""] = text.split("\r\n\r\n")
          assert.include(top, `HTTP/1.1 ${entry.status} `, text)
          assert.include(top.toLowerCase(), "connection: close")
          const problem = JSON.parse(body)
          assert.strictEqual(problem.error.error_id, entry.error_id)
          assert.include(top, `x-request-id: ${problem.error.request_id}`)
          const lines = server.lines.filter(({ fields }) => fields["request_id"] === problem.error.request_id)
          assert.deepStrictEqual(
            lines.map(({ fields }) => fields["error_id"]),
            [entry.error_id]
          )
        })
      )
    }

    it.effect("says nothing of a client that leaves in the middle of its request", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const before = server.lines.length
        yield* Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => {
                socket.write(`${head("POST /api/v1/query HTTP/1.1")}${key}Content-Length: 100\r\n\r\n{"p`)
                setTimeout(() => socket.resetAndDestroy(), 50)
              })
              socket.on("error", () => {}).on("close", () => setTimeout(resolve, 100))
            })
        )
        assert.deepStrictEqual(server.lines.slice(before), [])
      })
    )

    it.effect("answers a request with an unknown expectation as any other", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const text = yield* server.raw(`${head("GET /health HTTP/1.1")}Expect: wonders\r\nConnection: close\r\n\r\n`)
        assert.include(text, "HTTP/1.1 200 OK")
      })
    )
  }
)
