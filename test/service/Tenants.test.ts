import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { small } from "./Prompts.ts"
import { operatorKey, type RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService()

/** All keys that were ever given out here. None may be seen again anywhere. */
const secrets: Array<string> = []

const ask = async (key: string, method: string, path: string, options: RequestOptions = {}) =>
  setting().service.request(method, `/api/v1${path}`, { key, ...options })

const makeTenant = async (name: string) => {
  const { body, status } = await ask(operatorKey, "POST", "/tenants", { body: { name } })
  assert.strictEqual(status, 201)
  const key = textAt(body, "api_key.key")
  secrets.push(key)
  return { body, key }
}

const makeKey = async (key: string, scopes: ReadonlyArray<string>) => {
  const { body, status } = await ask(key, "POST", "/api-keys", { body: { name: "another", scopes } })
  assert.strictEqual(status, 201)
  secrets.push(textAt(body, "key"))
  return { id: textAt(body, "id"), key: textAt(body, "key") }
}

let tenant: unknown
let north: string
let south: string
let session: EventReader

beforeAll(async () => {
  const made = await makeTenant("north")
  tenant = made.body
  north = made.key
  south = (await makeTenant("south")).key
  session = await setting().service.stream("POST", "/api/v1/query", { key: north, body: { ...small, prompt: "Mine." } })
  await session.finished()
})

describe("tenants", () => {
  it("are made by the operator, each with a first key that is shown once", () => {
    assert.deepInclude(tenant, { name: "north" })
    assert.match(textAt(tenant, "api_key.key"), /^cw_[A-Za-z0-9_-]{43}$/)
    assert.deepEqual(at(tenant, "api_key.scopes"), ["admin", "query"])
    assert.isNull(at(tenant, "api_key.revoked_at"))
  })

  it("get what the operator gives to their first key, and can give no more than that to others", async () => {
    const scopes = ["admin", "query", "bypass_permissions", "expand_prompt"]
    const { body } = await ask(operatorKey, "POST", "/tenants", { body: { name: "trusted", scopes } })
    const key = textAt(body, "api_key.key")
    secrets.push(key)
    assert.deepEqual(at(body, "api_key.scopes"), scopes)
    await makeKey(key, ["query", "bypass_permissions"])
    const more = await ask(key, "POST", "/api-keys", { body: { name: "more", scopes: ["query", "mcp_stdio"] } })
    assert.deepEqual([more.status, at(more.body, "error.details")], [403, { scope: "mcp_stdio" }])
    // The scope is not only written down: the request is let through to the next check.
    const options = { permission_mode: "bypassPermissions", expand_prompt: true, allowed_tools: ["Read"] }
    const request = { ...small, ...options, prompt: "May I?" }
    const conflict = { ...request, disallowed_tools: ["Read"] }
    assert.strictEqual((await ask(key, "POST", "/query", { body: conflict })).status, 422)
    assert.strictEqual((await ask(north, "POST", "/query", { body: request })).status, 403)
  })

  it("may be given more by the operator later, with a key that none of their administrators could make", async () => {
    const { body } = await ask(operatorKey, "POST", "/tenants", { body: { name: "careful" } })
    const tenantId = textAt(body, "id")
    const first = textAt(body, "api_key.key")
    secrets.push(first)
    const server = { name: "local", type: "stdio", config: { command: "true" } }
    const refused = await ask(first, "POST", "/mcp-servers", { body: server })
    assert.deepEqual([refused.status, at(refused.body, "error.details")], [403, { scope: "mcp_stdio" }])
    const path = `/tenants/${tenantId}/api-keys`
    const asked = { body: { name: "trusted", scopes: ["admin", "query", "mcp_stdio"] } }
    for (const key of [first, north]) assert.strictEqual((await ask(key, "POST", path, asked)).status, 403)
    const given = await ask(operatorKey, "POST", path, asked)
    assert.strictEqual(given.status, 201, given.text)
    const trusted = textAt(given.body, "key")
    secrets.push(trusted)
    assert.strictEqual((await ask(trusted, "POST", "/mcp-servers", { body: server })).status, 201)
    assert.strictEqual((await ask(first, "GET", "/mcp-servers")).text.includes("local"), true)
    // An administrator who has it gives it to others.
    await makeKey(trusted, ["query", "mcp_stdio"])
    assert.lengthOf(listAt((await ask(first, "GET", "/api-keys")).body, "api_keys"), 3)

    const nobody = await ask(operatorKey, "POST", `/tenants/${crypto.randomUUID()}/api-keys`, asked)
    assert.deepEqual([nobody.status, at(nobody.body, "error.error_id")], [404, "ERR_TENANT_NOT_FOUND"])
    const operator = await ask(operatorKey, "POST", path, { body: { name: "k", scopes: ["operator"] } })
    assert.deepEqual([operator.status, at(operator.body, "error.error_id")], [422, "ERR_VALIDATION"])
  })

  it("are not made with scopes that are none, or the operator's, and then not at all", async () => {
    for (const scopes of [[], ["operator"], ["query", "query"], ["root"], "query"]) {
      const { body, status } = await ask(operatorKey, "POST", "/tenants", { body: { name: "never", scopes } })
      assert.deepEqual([status, at(body, "error.error_id")], [422, "ERR_VALIDATION"], JSON.stringify(scopes))
      assert.match(textAt(body, "error.details.issues.0.path"), /^body\.scopes/)
    }
    assert.deepEqual(await rowsOf(setting().database, "SELECT id FROM tenants WHERE name = 'never'"), [])
  })

  it("are listed for the operator", async () => {
    const { body, status } = await ask(operatorKey, "GET", "/tenants")
    assert.strictEqual(status, 200)
    assert.deepEqual(
      listAt(body, "tenants").map((found) => at(found, "name")),
      ["careful", "trusted", "south", "north", "operator"]
    )
    const first = await ask(operatorKey, "GET", "/tenants?page_size=1")
    const second = await ask(operatorKey, "GET", `/tenants?page_size=1&cursor=${textAt(first.body, "next_cursor")}`)
    assert.strictEqual(at(second.body, "tenants.0.name"), "trusted")
  })

  it("have names of their own", async () => {
    const { body, status } = await ask(operatorKey, "POST", "/tenants", { body: { name: "north" } })
    assert.deepEqual([status, at(body, "error.error_id")], [409, "ERR_ALREADY_EXISTS"])
  })
})

describe("another tenant's things", () => {
  it("do not exist, whatever is asked of them", async () => {
    const { database } = setting()
    const before = await rowsOf(database, "SELECT * FROM sessions")
    const prompt = { body: { ...small, prompt: "Yours?" } }
    const requests: ReadonlyArray<readonly [string, string, RequestOptions]> = [
      ["GET", `/sessions/${session.sessionId}`, {}],
      ["PATCH", `/sessions/${session.sessionId}`, { body: { title: "x" } }],
      ["DELETE", `/sessions/${session.sessionId}`, {}],
      ["PATCH", `/sessions/${session.sessionId}/tags`, { body: { tags: [] } }],
      ["GET", `/sessions/${session.sessionId}/messages`, {}],
      ["POST", `/sessions/${session.sessionId}/resume`, prompt],
      ["POST", `/sessions/${session.sessionId}/fork`, prompt],
      ["POST", `/sessions/${session.sessionId}/interrupt`, {}],
      ["POST", "/query", { body: { ...small, prompt: "Yours?", session_id: session.sessionId } }],
      ["POST", "/query/single", { body: { ...small, prompt: "Yours?", session_id: session.sessionId } }],
      ["GET", `/runs/${session.runId}`, {}],
      ["GET", `/runs/${session.runId}/events`, {}],
      ["DELETE", `/api-keys/${textAt(tenant, "api_key.id")}`, {}]
    ]
    for (const key of [south, operatorKey]) {
      for (const [method, path, options] of requests) {
        const { body, status } = await ask(key, method, path, options)
        assert.strictEqual(status, 404, `${method} ${path}`)
        const what = path.startsWith("/runs") ? "RUN" : path.startsWith("/api-keys") ? "API_KEY" : "SESSION"
        assert.strictEqual(at(body, "error.error_id"), `ERR_${what}_NOT_FOUND`)
      }
    }
    assert.deepEqual(await rowsOf(database, "SELECT * FROM sessions"), before)
    assert.lengthOf(await rowsOf(database, "SELECT id FROM runs"), 1)
  })

  it("stand in no list", async () => {
    assert.deepEqual(at((await ask(south, "GET", "/sessions")).body, "sessions"), [])
    assert.deepEqual(at((await ask(operatorKey, "GET", "/sessions")).body, "sessions"), [])
    assert.lengthOf(listAt((await ask(south, "GET", "/api-keys")).body, "api_keys"), 1)
    assert.lengthOf(listAt((await ask(north, "GET", "/sessions")).body, "sessions"), 1)
  })
})

describe("keys", () => {
  it("are taken in either header", async () => {
    const { service } = setting()
    const bearer = await service.request("GET", "/api/v1/sessions", {
      key: null,
      headers: { authorization: `Bearer ${north}` }
    })
    assert.strictEqual(bearer.status, 200)
    const none = await service.request("GET", "/api/v1/sessions", { key: null })
    assert.deepEqual([none.status, at(none.body, "error.details.reason")], [401, "missing"])
    assert.match(none.headers.get("www-authenticate") ?? "", /^Bearer/)
    const wrong = await ask("cw_wrong", "GET", "/sessions")
    assert.deepEqual([wrong.status, at(wrong.body, "error.details.reason")], [401, "invalid"])
  })

  it("belong to a tenant, not to sessions: another key of the tenant sees them", async () => {
    const { key } = await makeKey(north, ["query"])
    assert.strictEqual((await ask(key, "GET", `/sessions/${session.sessionId}`)).status, 200)
  })

  it("do what their scopes say, and nothing else", async () => {
    const { key: query } = await makeKey(north, ["query"])
    const { key: admin } = await makeKey(north, ["admin"])
    const refused: ReadonlyArray<readonly [string, string, string, string, RequestOptions]> = [
      [query, "GET", "/api-keys", "admin", {}],
      [query, "POST", "/api-keys", "admin", { body: { name: "more", scopes: ["query"] } }],
      [query, "DELETE", `/api-keys/${textAt(tenant, "api_key.id")}`, "admin", {}],
      [admin, "GET", "/sessions", "query", {}],
      [admin, "POST", "/query", "query", { body: { ...small, prompt: "May I?" } }],
      [north, "GET", "/tenants", "operator", {}],
      [north, "POST", "/tenants", "operator", { body: { name: "west" } }],
      [north, "POST", "/api-keys", "operator", { body: { name: "more", scopes: ["operator"] } }],
      [north, "POST", "/api-keys", "bypass_permissions", { body: { name: "more", scopes: ["bypass_permissions"] } }]
    ]
    for (const [key, method, path, scope, options] of refused) {
      const { body, status } = await ask(key, method, path, options)
      assert.deepEqual([status, at(body, "error.error_id")], [403, "ERR_FORBIDDEN"], `${method} ${path}`)
      assert.deepEqual(at(body, "error.details"), { scope })
    }
  })

  it("open nothing any more once they are revoked, from the answer on", async () => {
    const { id, key } = await makeKey(north, ["query"])
    assert.strictEqual((await ask(key, "GET", "/sessions")).status, 200)
    const { body, status } = await ask(north, "DELETE", `/api-keys/${id}`)
    assert.strictEqual(status, 200)
    assert.isString(at(body, "revoked_at"))
    assert.strictEqual((await ask(key, "GET", "/sessions")).status, 401)
    assert.strictEqual((await ask(key, "GET", `/runs/${session.runId}/events`)).status, 401)
  })

  it("are listed without their secrets, which stand nowhere", async () => {
    const { database, service } = setting()
    const { body, text } = await ask(north, "GET", "/api-keys")
    assert.isAbove(listAt(body, "api_keys").length, 3)
    const rows = await rowsOf(database, "SELECT api_keys.*, runs.* FROM api_keys LEFT JOIN runs ON true")
    for (const secret of [...secrets, operatorKey]) {
      assert.notInclude(text, secret)
      assert.notInclude(JSON.stringify(rows), secret)
      assert.notInclude(service.output(), secret)
    }
    assert.isNotEmpty(service.logs().filter((line) => line["error_id"] === "ERR_FORBIDDEN"))
  })
})
