import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer, type IncomingMessage } from "node:http"
import { McpRelay } from "../../src/outbound/McpRelay.ts"

/** A server that notes what it is asked, and says what the path asks for. */
const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const received: Array<Pick<IncomingMessage, "headers" | "url" | "method">> = []
    const listening = createServer(({ headers, method, url }, response) => {
      received.push({ headers, method, url })
      if (url?.startsWith("/away") === true) {
        return response
          .writeHead(401, { "www-authenticate": `Bearer resource_metadata="http://10.0.0.1/"`, "x-kept": "yes" })
          .end()
      }
      if (url?.startsWith("/round") === true) return response.writeHead(307, { location: "/round" }).end()
      if (url?.startsWith("/large") === true) return response.end(Buffer.alloc(100_000))
      return response.end("hello")
    })
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve))
    const address = listening.address()
    return { listening, received, port: typeof address === "object" && address !== null ? address.port : 0 }
  }),
  ({ listening }) => Effect.sync(() => listening.close().closeAllConnections())
)

const ask = (url: string, headers: Readonly<Record<string, string>>) =>
  Effect.promise(() => fetch(url, { headers: { ...headers, "x-own": "1" }, redirect: "manual" }))

it.live("the relay adds what only it knows, and leads nobody past itself", () =>
  Effect.gen(function* () {
    const { port, received } = yield* server
    const relay = yield* McpRelay
    const at = (path: string, trusted = true) =>
      relay.open(
        { type: "http", url: `http://127.0.0.1:${port}${path}`, headers: { Authorization: "secret" } },
        { trusted, maxAnswerBytes: 1000 }
      )

    const closed = yield* Effect.scoped(
      Effect.gen(function* () {
        const { headers, url } = yield* at("/mcp?key=secret")
        assert.notInclude(JSON.stringify({ headers, url }), "secret")
        const answer = yield* ask(url, headers)
        assert.strictEqual(yield* Effect.promise(() => answer.text()), "hello")
        const [request] = received
        assert.strictEqual(request?.url, "/mcp?key=secret")
        assert.deepInclude(request?.headers, { authorization: "secret", "x-own": "1" })
        assert.notProperty(request?.headers, "x-causeway-relay")
        assert.strictEqual((yield* ask(url, {})).status, 404)
        assert.strictEqual((yield* ask(url, { "x-causeway-relay": "guess" })).status, 404)
        return { headers, url }
      })
    )
    assert.strictEqual((yield* ask(closed.url, closed.headers)).status, 404)

    const away = yield* at("/away")
    const answer = yield* ask(away.url, away.headers)
    assert.deepEqual([answer.status, answer.headers.get("www-authenticate")], [401, null])
    assert.strictEqual(answer.headers.get("x-kept"), "yes")
    const round = yield* at("/round")
    assert.isNull((yield* ask(round.url, round.headers)).headers.get("location"))
    const large = yield* at("/large")
    const cut = yield* Effect.flatMap(ask(large.url, large.headers), (response) =>
      Effect.promise(() =>
        response.text().then(
          () => "whole",
          () => "cut"
        )
      )
    )
    assert.strictEqual(cut, "cut")

    const before = received.length
    const refused = yield* at("/mcp", false)
    assert.strictEqual((yield* ask(refused.url, refused.headers)).status, 421)
    assert.strictEqual(received.length, before)
  }).pipe(Effect.scoped, Effect.provide(McpRelay.layer([])))
)
