// A unit test of the boundary alone: real HTTP, small services in place of the real ones.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { catalogue } from "../../src/domain/errors/catalogue.ts"
import { sessionId } from "./Fakes.ts"
import { type Answer, json, problemOf, testServer, TestServer, withKey } from "./TestServer.ts"

interface Case {
  readonly name: string
  readonly path: string
  readonly init?: RequestInit
  readonly tag: keyof typeof catalogue
  readonly details?: Record<string, unknown>
  readonly headers?: Record<string, string>
  readonly level?: string
}

const query = "/api/v1/query"
const issue = (path: string, message: string) => ({ issues: [{ path, message }] })

const cases: ReadonlyArray<Case> = [
  { name: "no key", path: "/api/v1/sessions", tag: "Unauthorized", details: { reason: "missing" } },
  { name: "an empty key", path: "/api/v1/sessions", init: { headers: { "x-api-key": "" } }, tag: "Unauthorized" },
  {
    name: "an unknown key",
    path: "/api/v1/sessions",
    init: { headers: withKey("wrong") },
    tag: "Unauthorized",
    details: { reason: "invalid" },
    headers: { "www-authenticate": `Bearer realm="causeway"` }
  },
  {
    name: "an unknown bearer token",
    path: "/api/v1/sessions",
    init: { headers: { authorization: "Bearer wrong" } },
    tag: "Unauthorized"
  },
  {
    name: "X-API-Key before the bearer token",
    path: "/api/v1/sessions",
    init: { headers: { ...withKey("wrong"), authorization: "Bearer key-query" } },
    tag: "Unauthorized"
  },
  {
    name: "another authorization scheme",
    path: "/api/v1/sessions",
    init: { headers: { authorization: "Basic YTpi" } },
    tag: "Unauthorized",
    details: { reason: "missing" }
  },
  {
    name: "a key with other characters than ASCII",
    path: "/api/v1/sessions",
    init: { headers: withKey("clé-\u00ff") },
    tag: "Unauthorized",
    details: { reason: "invalid" }
  },
  {
    name: "a key whose lookup finds no database",
    path: "/api/v1/sessions",
    init: { headers: withKey("key-down") },
    tag: "DbUnavailable",
    headers: { "retry-after": "5" },
    level: "Fatal"
  },
  {
    name: "a key without the scope",
    path: "/api/v1/tenants",
    init: { headers: withKey() },
    tag: "Forbidden",
    details: { scope: "operator" }
  },
  {
    name: "a missing scope before a bad body",
    path: "/api/v1/api-keys",
    init: json("{"),
    tag: "Forbidden",
    details: { scope: "admin" }
  },
  {
    name: "an unknown session",
    path: "/api/v1/sessions/01890000-0000-7000-8000-0000000000ff",
    init: { headers: withKey() },
    tag: "SessionNotFound"
  },
  {
    name: "an idle session's interrupt, without a body",
    path: `/api/v1/sessions/${sessionId}/interrupt`,
    init: { method: "POST", headers: withKey() },
    tag: "SessionIdle"
  },
  {
    name: "an id of 5000 characters",
    path: `/api/v1/sessions/${"a".repeat(5000)}`,
    init: { headers: withKey() },
    tag: "ValidationFailed",
    details: issue("params.id", "Expected a UUID")
  },
  {
    name: "an id that is not percent-encoded",
    path: "/api/v1/sessions/%zz",
    init: { headers: withKey() },
    tag: "ValidationFailed"
  },
  {
    name: "an unknown field",
    path: query,
    init: json({ prompt: "a", foo: "secret value" }),
    tag: "ValidationFailed",
    details: issue("body.foo", "is not a field of this request")
  },
  {
    name: "a missing prompt",
    path: query,
    init: json({}),
    tag: "ValidationFailed",
    details: issue("body.prompt", "is missing")
  },
  {
    name: "an empty prompt",
    path: query,
    init: json({ prompt: "" }),
    tag: "ValidationFailed",
    details: issue("body.prompt", "is blank")
  },
  {
    name: "a blank prompt",
    path: query,
    init: json({ prompt: " \n\t" }),
    tag: "ValidationFailed",
    details: issue("body.prompt", "is blank")
  },
  {
    name: "max_turns 0",
    path: query,
    init: json({ prompt: "a", max_turns: 0 }),
    tag: "ValidationFailed",
    details: issue("body.max_turns", "Expected a value between 1 and 1000")
  },
  {
    name: "a tool that is allowed and disallowed",
    path: query,
    init: json({ prompt: "a", allowed_tools: ["Read", "Bash"], disallowed_tools: ["Bash"] }),
    tag: "ValidationFailed",
    details: issue("body.disallowed_tools[0]", "is in allowed_tools too")
  },
  {
    name: "the same on resume",
    path: `/api/v1/sessions/${sessionId}/resume`,
    init: json({ prompt: "a", allowed_tools: ["Bash"], disallowed_tools: ["Bash"] }),
    tag: "ValidationFailed",
    details: issue("body.disallowed_tools[0]", "is in allowed_tools too")
  },
  {
    name: "a title for an existing session",
    path: query,
    init: json({ prompt: "a", session_id: sessionId, title: "t" }),
    tag: "ValidationFailed",
    details: issue("body.title", "is for new sessions, without session_id")
  },
  {
    name: "several at once",
    path: query,
    init: json({ prompt: "", max_turns: 0, tags: ["ok", ""] }),
    tag: "ValidationFailed"
  },
  {
    name: "no body",
    path: query,
    init: { method: "POST", headers: withKey() },
    tag: "ValidationFailed",
    details: issue("body", "is missing")
  },
  {
    name: "a body that is null",
    path: query,
    init: json("null"),
    tag: "ValidationFailed",
    details: issue("body", "is not a JSON object")
  },
  {
    name: "malformed JSON",
    path: query,
    init: json('{"prompt": "a",\n  "model": tru}'),
    tag: "ValidationFailed",
    details: issue("body", "is not JSON at line 2, column 12")
  },
  {
    name: "JSON that ends too soon",
    path: query,
    init: json('{"prompt": "a"'),
    tag: "ValidationFailed",
    details: issue("body", "is not JSON at line 1, column 15")
  },
  {
    name: "a body that is not UTF-8",
    path: query,
    init: { ...json(""), body: new Uint8Array([0x22, 0xff, 0x22]) },
    tag: "ValidationFailed",
    details: issue("body", "is not UTF-8")
  },
  {
    name: "a NUL in a string",
    path: query,
    init: json('{"prompt":"a\\u0000b"}'),
    tag: "ValidationFailed",
    details: issue("body", "has a NUL or half a surrogate pair in a string")
  },
  {
    name: "half a surrogate pair",
    path: query,
    init: json('{"prompt":"\\ud83d"}'),
    tag: "ValidationFailed",
    details: issue("body", "has a NUL or half a surrogate pair in a string")
  },
  {
    name: "nesting without end",
    path: query,
    init: json(`{"prompt":"a","metadata":{"a":${"[".repeat(1000)}${"]".repeat(1000)}}}`),
    tag: "ValidationFailed",
    details: issue("body", "is nested more than 100 levels deep")
  },
  {
    name: "a wrong content type",
    path: query,
    init: { ...json({ prompt: "a" }), headers: { ...withKey(), "content-type": "text/plain" } },
    tag: "UnsupportedMediaType",
    details: { expected: "application/json" }
  },
  {
    name: "a wrong content type without a body",
    path: query,
    init: { method: "POST", headers: { ...withKey(), "content-type": "text/plain" } },
    tag: "UnsupportedMediaType"
  },
  {
    name: "another charset",
    path: query,
    init: { ...json({ prompt: "a" }), headers: { ...withKey(), "content-type": "application/json; charset=latin1" } },
    tag: "UnsupportedMediaType"
  },
  {
    name: "a compressed body",
    path: query,
    init: {
      ...json({ prompt: "a" }),
      headers: { ...withKey(), "content-type": "application/json", "content-encoding": "gzip" }
    },
    tag: "UnsupportedMediaType"
  },
  {
    name: "a body over the limit",
    path: query,
    init: json({ prompt: "a".repeat(5000) }),
    tag: "PayloadTooLarge",
    details: { limit_bytes: 4096 }
  },
  {
    name: "a body over the limit before its content type",
    path: query,
    init: { ...json(""), headers: { ...withKey(), "content-type": "text/plain" }, body: "a".repeat(5000) },
    tag: "PayloadTooLarge"
  },
  {
    name: "a missing key before a body over the limit",
    path: query,
    init: { method: "POST", body: "a".repeat(5000) },
    tag: "Unauthorized"
  },
  {
    name: "a page_size of 0",
    path: "/api/v1/sessions?page_size=0",
    init: { headers: withKey() },
    tag: "ValidationFailed",
    details: issue("query.page_size", "Expected a value between 1 and 100")
  },
  {
    name: "a page_size of two",
    path: "/api/v1/sessions?page_size=two",
    init: { headers: withKey() },
    tag: "ValidationFailed"
  },
  {
    name: "an unknown query parameter",
    path: "/api/v1/sessions?foo=secret",
    init: { headers: withKey() },
    tag: "ValidationFailed",
    details: issue("query.foo", "is not a field of this request")
  },
  {
    name: "a NUL in the query",
    path: "/api/v1/sessions?search=a%00",
    init: { headers: withKey() },
    tag: "ValidationFailed"
  },
  {
    name: "a cursor that is none",
    path: "/api/v1/sessions?cursor=abc",
    init: { headers: withKey() },
    tag: "ValidationFailed",
    details: issue("query.cursor", "is no next_cursor of this list")
  },
  {
    name: "a cursor of another list",
    path: `/api/v1/sessions/${sessionId}/messages?cursor=${btoa("2026-01-31 12:00:00+00|x")}`,
    init: { headers: withKey() },
    tag: "ValidationFailed"
  },
  {
    name: "a time that is none",
    path: "/api/v1/sessions?created_after=yesterday",
    init: { headers: withKey() },
    tag: "DatetimeParse",
    details: { field: "query.created_after" }
  },
  {
    name: "a time without its offset",
    path: "/api/v1/sessions?created_after=2026-01-31T12:00:00",
    init: { headers: withKey() },
    tag: "DatetimeParse"
  },
  {
    name: "a day that does not exist",
    path: "/api/v1/sessions?created_before=2026-02-30T12:00:00Z",
    init: { headers: withKey() },
    tag: "DatetimeParse"
  },
  {
    name: "a bad time among other things",
    path: "/api/v1/sessions?created_after=x&page_size=0",
    init: { headers: withKey() },
    tag: "ValidationFailed"
  },
  {
    name: "an idempotency key with a space",
    path: query,
    init: {
      ...json({ prompt: "a" }),
      headers: { ...withKey(), "content-type": "application/json", "idempotency-key": "a b" }
    },
    tag: "ValidationFailed"
  },
  {
    name: "a Last-Event-ID that is no number",
    path: `/api/v1/runs/${sessionId}/events`,
    init: { headers: { ...withKey(), "last-event-id": "x" } },
    tag: "ValidationFailed"
  },
  { name: "an unknown route", path: "/api/v1/nothing", init: { headers: withKey() }, tag: "RouteNotFound" },
  { name: "an unknown route without a key", path: "/api/v1/nothing", tag: "Unauthorized" },
  { name: "a path in another case", path: "/API/v1/sessions", init: { headers: withKey() }, tag: "RouteNotFound" },
  {
    name: "a wrong method",
    path: "/api/v1/sessions",
    init: { method: "PUT", headers: withKey() },
    tag: "MethodNotAllowed",
    headers: { allow: "GET, HEAD, OPTIONS" }
  },
  {
    name: "a wrong method on a path with several",
    path: `/api/v1/sessions/${sessionId}`,
    init: { method: "POST", headers: withKey() },
    tag: "MethodNotAllowed",
    headers: { allow: "GET, PATCH, DELETE, HEAD, OPTIONS" }
  },
  { name: "a wrong method without a key", path: "/api/v1/sessions", init: { method: "PUT" }, tag: "Unauthorized" },
  {
    name: "a wrong method on a public path",
    path: "/health",
    init: { method: "POST" },
    tag: "MethodNotAllowed",
    headers: { allow: "GET, HEAD, OPTIONS" }
  },
  {
    name: "a defect in a handler",
    path: `/api/v1/query/single`,
    init: json({ prompt: "boom" }),
    tag: "Internal",
    details: {},
    level: "Fatal"
  }
]

const assertProblem = (answer: Answer, tag: keyof typeof catalogue) => {
  const entry = catalogue[tag]
  assert.strictEqual(answer.status, entry.status, answer.text)
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  const problem = problemOf(answer)
  assert.deepStrictEqual(Object.keys(problem).toSorted(), ["detail", "error", "instance", "status", "title", "type"])
  assert.strictEqual(problem.status, entry.status)
  assert.strictEqual(problem.error.error_id, entry.error_id)
  assert.strictEqual(problem.error.code, entry.code)
  assert.strictEqual(problem.error.retry, entry.retry)
  assert.strictEqual(problem.error.request_id, answer.headers.get("x-request-id"))
  assert.isAbove(problem.error.request_id.length, 0)
  return problem
}

layer(testServer(), { excludeTestServices: true })("boundary", (it) => {
  for (const { details, headers = {}, init, level, name, path, tag } of cases) {
    it.effect(`answers ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const { error_id } = catalogue[tag]
        const series = `api_errors_total{error_code="${error_id}"}`
        const before = yield* server.metric(series)
        const answer = yield* server.request(path, init)
        const problem = assertProblem(answer, tag)
        if (details !== undefined) assert.deepStrictEqual(problem.error.details, details)
        for (const [header, value] of Object.entries(headers)) assert.strictEqual(answer.headers.get(header), value)
        assert.notInclude(answer.text, "secret")

        const lines = server.lines.filter(({ fields }) => fields["request_id"] === problem.error.request_id)
        assert.strictEqual(lines.length, 1, JSON.stringify(lines))
        assert.strictEqual(lines[0]?.fields["error_id"], error_id)
        assert.strictEqual(lines[0]?.fields["status"], answer.status)
        if (level !== undefined) assert.strictEqual(lines[0]?.level, level)
        assert.notInclude(JSON.stringify(lines), "key-query")
        assert.strictEqual(yield* server.metric(series), before + 1)
      })
    )
  }

  it.effect("lists everything that does not fit, and counts by field", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const body = { prompt: "", max_turns: 0, tags: ["ok", ""], metadata: { a: 1 }, nonsense: 1 }
      const before = yield* server.metric(`validation_errors_total{field="body.tags"}`)
      const problem = assertProblem(yield* server.request(query, json(body)), "ValidationFailed")
      const issues = problem.error.details["issues"] as ReadonlyArray<{ readonly path: string }>
      assert.deepStrictEqual(issues.map((issue) => issue.path).toSorted(), [
        "body.max_turns",
        "body.nonsense",
        "body.prompt",
        "body.tags[1]"
      ])
      assert.strictEqual(yield* server.metric(`validation_errors_total{field="body.tags"}`), before + 1)
      assert.notInclude((yield* server.request("/metrics")).text, "nonsense")
    })
  )

  it.effect("tells nothing of a defect but its id, and logs it with its stack", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const answer = yield* server.request("/api/v1/query/single", json({ prompt: "boom" }))
      assert.notInclude(answer.text, "not under test")
      const line = server.lines.find(({ fields }) => fields["request_id"] === answer.headers.get("x-request-id"))
      assert.include(String(line?.fields["defect"]), "not under test")
      assert.include(String(line?.fields["defect"]), "Fakes.ts")
      assert.strictEqual(line?.fields["prompt_preview"], "boom")
    })
  )

  it.effect("takes a well-formed request id and replaces any other", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const idFor = (id: string) =>
        Effect.map(server.request("/health", { headers: { "x-request-id": id } }), ({ headers }) =>
          headers.get("x-request-id")
        )
      assert.strictEqual(yield* idFor("my-Request_1.2"), "my-Request_1.2")
      assert.match((yield* idFor("a b")) ?? "", /^[0-9a-f-]{14}7/)
      assert.match((yield* idFor("a".repeat(129))) ?? "", /^[0-9a-f-]{14}7/)
    })
  )

  it.effect("answers HEAD as GET without the body, and OPTIONS with what is allowed", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const head = yield* server.request("/api/v1/sessions", { method: "HEAD", headers: withKey() })
      assert.deepStrictEqual([head.status, head.text], [200, ""])
      const options = yield* server.request("/api/v1/sessions", { method: "OPTIONS", headers: withKey() })
      assert.deepStrictEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"])
      const closed = yield* server.request("/api/v1/sessions", {
        method: "OPTIONS",
        headers: { origin: "https://a.example", "access-control-request-method": "GET" }
      })
      assert.strictEqual(closed.status, 401)
      assert.isNull(closed.headers.get("access-control-allow-origin"))
    })
  )

  it.effect("serves what is public without a key, and from this machine alone", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      for (const path of ["/health", "/health/live", "/health/ready", "/api/v1/health", "/openapi.json", "/metrics"]) {
        const answer = yield* server.request(path)
        assert.strictEqual(answer.status, 200, path)
        assert.isNotNull(answer.headers.get("x-request-id"))
      }
      const docs = yield* server.request("/docs")
      assert.strictEqual(docs.status, 200)
      assert.notMatch(docs.text, /<(script|link)[^>]+(src|href)=/)
      assert.include(docs.headers.get("content-security-policy") ?? "", "connect-src 'self'")
    })
  )

  it.effect("counts requests by route, method and status", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const series = `http_requests_total{route="/api/v1/sessions/:id",method="GET",status="200"}`
      const before = yield* server.metric(series)
      yield* server.request(`/api/v1/sessions/${sessionId}`, { headers: withKey() })
      assert.strictEqual(yield* server.metric(series), before + 1)
    })
  )
})
