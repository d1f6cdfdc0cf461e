// A unit test of the boundary alone: what the configuration changes about it.
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { problemOf, testServer, TestServer, withKey } from "./TestServer.ts"

const origin = "https://app.example"

layer(testServer({}, { corsOrigins: [origin], metricsKey: Redacted.make("metrics") }), { excludeTestServices: true })(
  "with CORS and a metrics key",
  (it) => {
    it.effect("lets the pages of the origin in", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const preflight = yield* server.request("/api/v1/query", {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" }
        })
        assert.strictEqual(preflight.status, 204)
        assert.strictEqual(preflight.headers.get("access-control-allow-origin"), origin)
        assert.include(preflight.headers.get("access-control-allow-headers") ?? "", "x-api-key")
        assert.isNotNull(preflight.headers.get("x-request-id"))
        for (const path of ["/api/v1/sessions", "/nothing"]) {
          const refused = yield* server.request(path, { headers: { origin } })
          assert.strictEqual(refused.status, 401)
          assert.strictEqual(refused.headers.get("access-control-allow-origin"), origin)
          assert.include(refused.headers.get("access-control-expose-headers") ?? "", "x-request-id")
        }
      })
    )

    it.effect("keeps the pages of others out", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const answer = yield* server.request("/health", { headers: { origin: "https://evil.example" } })
        assert.isNull(answer.headers.get("access-control-allow-origin"))
      })
    )

    it.effect("asks for the key at /metrics", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const without = yield* server.request("/metrics")
        assert.strictEqual(without.status, 401)
        assert.strictEqual(problemOf(without).error.error_id, "ERR_UNAUTHORIZED")
        assert.strictEqual((yield* server.request("/metrics", { headers: withKey("metricz") })).status, 401)
        assert.strictEqual((yield* server.request("/metrics", { headers: withKey() })).status, 401)
        const right = yield* server.request("/metrics", { headers: { authorization: "Bearer metrics" } })
        assert.strictEqual(right.status, 200)
        assert.match(right.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
        assert.match(right.text, /^api_errors_total\{error_code="ERR_SESSION_PERSIST_FAILED"\} 0$/m)
      })
    )
  }
)

const notReady = testServer({
  readiness: {
    health: Effect.succeed({ postgres: { status: "error" }, redis: { status: "off" }, agent: { status: "ok" } }),
    missing: Effect.succeed([{ what: "PostgreSQL", remedy: "Start it." }])
  }
})

layer(notReady, { excludeTestServices: true })("without its database", (it) => {
  it.effect("the service says what is missing", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const ready = yield* server.request("/health/ready")
      assert.strictEqual(ready.status, 503)
      assert.deepStrictEqual(JSON.parse(ready.text), {
        status: "not_ready",
        missing: [{ what: "PostgreSQL", remedy: "Start it." }]
      })
      const health = yield* server.request("/health")
      assert.strictEqual(health.status, 200)
      assert.strictEqual(JSON.parse(health.text).status, "unhealthy")
    })
  )
})
