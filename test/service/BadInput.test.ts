import { readdir } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { afterEach, assert, beforeAll, describe, it } from "vitest"
import { agentProcesses } from "./AgentProcesses.ts"
import { countRows, rowsOf } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import type { Answer, RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { MAX_PROMPT_LENGTH: "1000", MAX_BODY_BYTES: "4096" } })

/** A key that may run agents and nothing else. */
let limited: string

const ask = (method: string, path: string, options: RequestOptions = {}) =>
  setting().service.request(method, path, options)

/** Checks everything that all failed answers have in common. */
const isProblem = (answer: Answer, status: number, errorId: string): void => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  const requestId = answer.headers.get("x-request-id")
  assert.match(requestId ?? "", /^[\x21-\x7e]{8,}$/)
  assert.hasAllKeys(answer.body, ["type", "title", "status", "detail", "instance", "error"])
  assert.hasAllKeys(at(answer.body, "error"), ["code", "error_id", "message", "details", "retry", "request_id"])
  assert.strictEqual(at(answer.body, "status"), status)
  assert.strictEqual(at(answer.body, "error.error_id"), errorId)
  assert.strictEqual(at(answer.body, "error.request_id"), requestId)
  assert.strictEqual(at(answer.body, "instance"), `/requests/${requestId}`)
  assert.isTrue(textAt(answer.body, "type").endsWith(`#${errorId}`))
  assert.strictEqual(at(answer.body, "detail"), at(answer.body, "error.message"))
}

const issuePaths = (answer: Answer) => listAt(answer.body, "error.details.issues").map((issue) => textAt(issue, "path"))

beforeAll(async () => {
  const { body } = await ask("POST", "/api/v1/api-keys", { body: { name: "limited", scopes: ["query"] } })
  limited = textAt(body, "key")
})

afterEach(async () => {
  const { database, model, service } = setting()
  assert.deepEqual(Object.values(await countRows(database)), [0, 0, 0, 0, 0])
  assert.lengthOf(await rowsOf(database, "SELECT id FROM tenants"), 1)
  assert.deepEqual(model.requests(), [])
  assert.deepEqual(agentProcesses(service.dataDir), [])
  assert.deepEqual(await readdir(join(service.dataDir, "workspaces")), [])
})

for (const path of ["/api/v1/query", "/api/v1/query/single"]) {
  describe(`POST ${path}`, () => {
    const refuses = (what: string, body: unknown, paths: ReadonlyArray<string>) =>
      it(`refuses ${what}`, async () => {
        const answer = await ask("POST", path, { body })
        isProblem(answer, 422, "ERR_VALIDATION")
        assert.deepEqual(issuePaths(answer), paths)
      })

    refuses("a missing prompt", {}, ["body.prompt"])
    refuses("an empty prompt", { prompt: "" }, ["body.prompt"])
    refuses("a blank prompt", { prompt: " \n\t" }, ["body.prompt"])
    refuses("a prompt that is no text", { prompt: 7 }, ["body.prompt"])
    refuses("a prompt that is too long", { prompt: "x".repeat(1001) }, ["body.prompt"])
    refuses("unknown fields, and names them", { prompt: "Hi", promt: "Hi", image: 1 }, ["body.promt", "body.image"])
    refuses(
      "tools that are both allowed and not",
      { prompt: "Hi", allowed_tools: ["Read", "Bash"], disallowed_tools: ["Bash"] },
      ["body.disallowed_tools[0]"]
    )
    refuses("max_turns 0", { prompt: "Hi", max_turns: 0 }, ["body.max_turns"])
    refuses("several mistakes, and names all", { prompt: "", max_turns: 1.5, mode: "plan" }, [
      "body.prompt",
      "body.mode",
      "body.max_turns"
    ])
    refuses("a session id that is none", { prompt: "Hi", session_id: "x" }, ["body.session_id"])
    refuses("a directory out of the roots", { prompt: "Hi", cwd: "../../.." }, ["body.cwd"])
    refuses("a body that is no object", [], ["body"])

    it("refuses what is not JSON, with the place", async () => {
      const answer = await ask("POST", path, { body: '{\n  "prompt": "Hi",\n}' })
      isProblem(answer, 422, "ERR_VALIDATION")
      assert.deepEqual(at(answer.body, "error.details.issues"), [
        { path: "body", message: "is not JSON at line 3, column 1" }
      ])
    })

    it("refuses a body that is too large, also when its size is not announced", async () => {
      const prompt = { prompt: "x".repeat(5000) }
      isProblem(await ask("POST", path, { body: prompt }), 413, "ERR_PAYLOAD_TOO_LARGE")
      const response = await fetch(setting().service.url + path, {
        method: "POST",
        headers: { "x-api-key": limited, "content-type": "application/json" },
        body: new Blob([JSON.stringify(prompt)]).stream(),
        duplex: "half"
      })
      const text = await response.text()
      const { headers, status } = response
      isProblem({ status, headers, text, body: JSON.parse(text) }, 413, "ERR_PAYLOAD_TOO_LARGE")
    })

    it("refuses another content type", async () => {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]) {
        const answer = await ask("POST", path, { body: '{"prompt":"Hi"}', headers: { "content-type": type } })
        isProblem(answer, 415, "ERR_UNSUPPORTED_MEDIA_TYPE")
      }
    })

    it("refuses who has no key, or a wrong one, before it looks at the body", async () => {
      isProblem(await ask("POST", path, { key: null, body: "{" }), 401, "ERR_UNAUTHORIZED")
      isProblem(await ask("POST", path, { key: "cw_wrong", body: "{" }), 401, "ERR_UNAUTHORIZED")
    })

    it("does not know a session that is not there", async () => {
      const body = { prompt: "Hi", session_id: "00000000-0000-4000-8000-000000000000" }
      isProblem(await ask("POST", path, { body }), 404, "ERR_SESSION_NOT_FOUND")
    })
  })
}

describe("a malformed id", () => {
  const prompt = { body: { prompt: "Hi" } }
  const routes: ReadonlyArray<readonly [string, string, RequestOptions]> = [
    ["GET", "/sessions/x", {}],
    ["PATCH", "/sessions/x", { body: { title: "x" } }],
    ["DELETE", "/sessions/x", {}],
    ["PATCH", "/sessions/x/tags", { body: { tags: [] } }],
    ["GET", "/sessions/x/messages", {}],
    ["POST", "/sessions/x/resume", prompt],
    ["POST", "/sessions/x/fork", prompt],
    ["POST", "/sessions/x/interrupt", {}],
    ["GET", "/runs/x", {}],
    ["GET", "/runs/x/events", {}],
    ["DELETE", "/api-keys/x", {}]
  ]
  for (const [method, path, options] of routes) {
    it(`is 422 at ${method} ${path}`, async () => {
      const answer = await ask(method, `/api/v1${path}`, options)
      isProblem(answer, 422, "ERR_VALIDATION")
      assert.deepEqual(issuePaths(answer), ["params.id"])
    })
  }
})

describe("an unknown id", () => {
  it("is 404", async () => {
    const id = "00000000-0000-4000-8000-000000000000"
    isProblem(await ask("GET", `/api/v1/sessions/${id}`), 404, "ERR_SESSION_NOT_FOUND")
    isProblem(
      await ask("POST", `/api/v1/sessions/${id}/resume`, { body: { prompt: "Hi" } }),
      404,
      "ERR_SESSION_NOT_FOUND"
    )
    isProblem(
      await ask("POST", `/api/v1/sessions/${id}/fork`, { body: { prompt: "Hi" } }),
      404,
      "ERR_SESSION_NOT_FOUND"
    )
    isProblem(await ask("GET", `/api/v1/runs/${id}`), 404, "ERR_RUN_NOT_FOUND")
    isProblem(await ask("GET", `/api/v1/runs/${id}/events`), 404, "ERR_RUN_NOT_FOUND")
  })
})

describe("routes", () => {
  it("that are not there are 404 with a key, and 401 without", async () => {
    isProblem(await ask("GET", "/api/v1/nothing"), 404, "ERR_ROUTE_NOT_FOUND")
    isProblem(await ask("GET", "/api/v1/nothing", { key: null }), 401, "ERR_UNAUTHORIZED")
  })

  it("with another method are 405 with a key, and 401 without", async () => {
    const answer = await ask("DELETE", "/api/v1/query")
    isProblem(answer, 405, "ERR_METHOD_NOT_ALLOWED")
    assert.strictEqual(answer.headers.get("allow"), "POST, OPTIONS")
    isProblem(await ask("DELETE", "/api/v1/query", { key: null }), 401, "ERR_UNAUTHORIZED")
  })

  it("that need a scope are 403 without it, before the body is looked at", async () => {
    isProblem(await ask("POST", "/api/v1/tenants", { key: limited, body: "{" }), 403, "ERR_FORBIDDEN")
  })

  it("continue a session only in its own directory", async () => {
    const id = "00000000-0000-4000-8000-000000000000"
    const answer = await ask("POST", `/api/v1/sessions/${id}/resume`, { body: { prompt: "Hi", cwd: "." } })
    isProblem(answer, 422, "ERR_VALIDATION")
    assert.deepEqual(issuePaths(answer), ["body.cwd"])
  })

  it("replay from a number only", async () => {
    const id = "00000000-0000-4000-8000-000000000000"
    const after = await ask("GET", `/api/v1/runs/${id}/events?after=-1`)
    isProblem(after, 422, "ERR_VALIDATION")
    assert.deepEqual(issuePaths(after), ["query.after"])
    const last = await ask("GET", `/api/v1/runs/${id}/events`, { headers: { "last-event-id": "x" } })
    isProblem(last, 422, "ERR_VALIDATION")
    assert.deepEqual(issuePaths(last), ["headers.last-event-id"])
  })
})

describe("headers", () => {
  /** Sends bytes as they are and gives the status, for what no client would send. */
  const statusOfRaw = (text: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(setting().service.url)
      const socket = connect(Number(port), "127.0.0.1", () => socket.write(Buffer.from(text, "utf8")))
      socket.once("data", (data) => {
        resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(data.toString("latin1"))?.[1]))
        socket.destroy()
      })
      socket.once("error", reject)
    })

  it("that are not ASCII are never 500", async () => {
    const raw = (header: string) => `GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`
    assert.strictEqual(await statusOfRaw(raw("X-API-Key: schlüssel-🔑")), 401)
    assert.strictEqual(await statusOfRaw(raw("Authorization: Bearer schlüssel-🔑")), 401)
    assert.strictEqual(await statusOfRaw(raw(`X-API-Key: ${limited}\r\nX-Request-Id: größe-🔑`)), 200)
    assert.strictEqual(await statusOfRaw(raw(`X-API-Key: ${limited}\r\nUser-Agent: größe-🔑`)), 200)
  })

  it("keep a request id that is well formed, and replace another", async () => {
    const id = "my-request.1"
    const kept = await ask("GET", "/api/v1/nothing", { headers: { "x-request-id": id } })
    assert.strictEqual(kept.headers.get("x-request-id"), id)
    assert.strictEqual(at(kept.body, "error.request_id"), id)
    const replaced = await ask("GET", "/api/v1/nothing", { headers: { "x-request-id": "two words" } })
    isProblem(replaced, 404, "ERR_ROUTE_NOT_FOUND")
    assert.notStrictEqual(replaced.headers.get("x-request-id"), "two words")
  })
})
