import { createServer } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import { misbehaving, program, type RemoteServer, startRemote } from "./McpServers.ts"
import type { Answer } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({
  env: { OUTBOUND_ALLOW: "127.0.0.1", SHARE_LIFE: "2 seconds", MAX_MCP_SERVERS: "12", MCP_TIMEOUT: "10 seconds" }
})

const secret = "a-secret-of-the-tests-83c1"
const key = "sk-ant-api03-of-the-tests-aaaaaaaa"
const redacted = "***REDACTED***"

let trusted: string
let plain: string
let stranger: string
let http: RemoteServer

const send = (method: string, path: string, body?: unknown, key = trusted, headers = {}): Promise<Answer> =>
  setting().service.request(method, `/api/v1/mcp-servers${path}`, {
    key,
    headers,
    ...(body === undefined ? {} : { body })
  })

const create = async (name: string, type: string, config: unknown, key = trusted) =>
  send("POST", "", { name, type, config }, key)

const errorOf = ({ body, status }: Answer) => [status, at(body, "error.code")]

beforeAll(async () => {
  const { service } = setting()
  const newKey = async (name: string, scopes: ReadonlyArray<string>) =>
    textAt((await service.request("POST", "/api/v1/api-keys", { body: { name, scopes } })).body, "key")
  trusted = await newKey("trusted", ["query", "mcp_stdio"])
  plain = await newKey("plain", ["query"])
  const other = await service.request("POST", "/api/v1/tenants", { body: { name: "stranger" } })
  stranger = textAt(other.body, "api_key.key")
  http = await startRemote("http", `Bearer ${secret}`)
}, 60_000)

afterAll(() => http?.stop())

describe("an MCP server", () => {
  it("is stored and shown without its secrets, which are encrypted at rest", async () => {
    const hidden = [
      "--header",
      `Authorization: Bearer ${secret}`,
      `X-Api-Key:${secret}`,
      `Bearer ${secret}`,
      `https://host/x?page=1&token=${secret}`,
      key
    ]
    const made = await create("local", "stdio", {
      ...program,
      args: [...program.args, "--api-key", secret, `--token=${secret}`, `postgres://user:${secret}@host/db`, ...hidden],
      env: { ANY: secret },
      metadata: { team: "figs" }
    })
    assert.strictEqual(made.status, 201, made.text)
    assert.deepInclude(made.body, {
      name: "local",
      transport_type: "stdio",
      command: program.command,
      env: { ANY: redacted },
      headers: {},
      url: null,
      enabled: true,
      status: "active",
      source: "database",
      metadata: { team: "figs" }
    })
    const remote = await create("remote", "http", {
      url: `${http.url}?key=${secret}#${secret}`,
      headers: { Authorization: `Bearer ${secret}`, "X-API-Key": secret }
    })
    assert.deepEqual(at(remote.body, "headers"), { Authorization: redacted, "X-API-Key": redacted })
    const list = await send("GET", "")
    for (const { text } of [made, remote, list]) {
      assert.notInclude(text, secret)
      assert.notInclude(text, key)
    }
    assert.include(listAt(made.body, "args"), `https://host/x?page=1&token=${redacted}`)
    const rows = await rowsOf(setting().database, "SELECT mcp_servers::text AS text FROM mcp_servers")
    assert.lengthOf(rows, 2)
    for (const { text } of rows) {
      assert.notInclude(String(text), secret)
      assert.match(String(text), /v1\.[0-9a-f]{8}\./)
    }
  })

  it("is listed by pages, newest first", async () => {
    const first = await send("GET", "?page_size=1")
    assert.deepEqual(
      listAt(first.body, "servers").map((server) => at(server, "name")),
      ["remote"]
    )
    assert.strictEqual(at(first.body, "has_more"), true)
    const second = await send("GET", `?page_size=1&cursor=${textAt(first.body, "next_cursor")}`)
    assert.deepEqual(
      listAt(second.body, "servers").map((server) => at(server, "name")),
      ["local"]
    )
    assert.strictEqual(at(second.body, "next_cursor"), null)
    assert.deepEqual(at((await send("GET", "?source=filesystem")).body, "servers"), [])
  })

  it("says how it is when it is read, whatever it is reached by", async () => {
    const remote = await send("GET", "/remote")
    assert.strictEqual(at(remote.body, "status"), "connected", remote.text)
    assert.isTrue(http.received.some(({ authorization }) => authorization === `Bearer ${secret}`))
    const local = await send("GET", "/local")
    assert.strictEqual(at(local.body, "status"), "connected", local.text)
    assert.strictEqual(at(local.body, "error"), null)
    await untilNoAgents(setting().service.dataDir)
  }, 30_000)

  it("gives its own resources, by URIs with slashes, encoded or not", async () => {
    for (const name of ["local", "remote"]) {
      const { body, text } = await send("GET", `/${name}/resources`)
      const uri = textAt(listAt(body, "resources")[0], "uri")
      assert.match(uri, /^demo:\/\/resource\/static\/document\//, text)
      for (const path of [uri, encodeURIComponent(uri)]) {
        const read = await send("GET", `/${name}/resources/${path}`)
        assert.deepInclude(read.body, { uri, mimeType: "text/markdown", blob: null }, read.text)
        assert.isAbove(textAt(read.body, "text").length, 100)
      }
    }
    const absent = await send("GET", "/remote/resources/demo://resource/none")
    assert.deepEqual(errorOf(absent), [404, "MCP_RESOURCE_NOT_FOUND"])
  }, 60_000)

  it("is changed where the change says so, and keeps secrets that are given back as they were shown", async () => {
    const shown = (await send("GET", "?source=database")).body
    const local = listAt(shown, "servers").find((server) => at(server, "name") === "local")
    const config = { args: at(local, "args"), env: { ANY: redacted, MORE: "more" } }
    const changed = await send("PUT", "/local", { config: { ...config, enabled: false } })
    assert.strictEqual(changed.status, 200, changed.text)
    assert.deepInclude(changed.body, { enabled: false, status: "disabled", command: program.command })
    assert.notStrictEqual(at(changed.body, "updated_at"), null)
    assert.deepEqual(errorOf(await send("GET", "/local/resources")), [502, "MCP_SERVER_FAILED"])
    await send("PUT", "/local", { config: { enabled: true } })
    assert.strictEqual(at((await send("GET", "/local")).body, "status"), "connected")
    const marked = await create("marked", "http", { url: http.url, headers: { Authorization: redacted } })
    assert.deepEqual(errorOf(marked), [422, "VALIDATION_ERROR"])
    const moved = await send("PUT", "/local", { type: "http", config: { url: http.url } })
    assert.deepInclude(moved.body, { transport_type: "http", command: null, args: [], env: {} })
    assert.deepEqual(errorOf(await send("PUT", "/remote", { type: "stdio" })), [422, "VALIDATION_ERROR"])
  }, 30_000)

  it("takes its secrets with it to no other origin: they must be given anew", async () => {
    const headers = { Authorization: `Bearer ${secret}` }
    await create("movable", "http", { url: http.url, headers })
    const near = await send("PUT", "/movable", { config: { url: `${http.url}?more=1` } })
    assert.deepEqual(at(near.body, "headers"), { Authorization: redacted }, near.text)
    const url = http.url.replace("127.0.0.1", "127.0.0.2")
    for (const config of [{ url }, { url, headers: { Authorization: redacted } }]) {
      const far = await send("PUT", "/movable", { config }, plain)
      assert.deepEqual(errorOf(far), [422, "VALIDATION_ERROR"])
      assert.strictEqual(at(far.body, "error.details.issues.0.path"), "body.config.headers")
    }
    const given = await send("PUT", "/movable", { config: { url, headers: {} } }, plain)
    assert.deepInclude(given.body, { url, headers: {} })
    assert.strictEqual((await send("DELETE", "/movable")).status, 204)
  })

  it("that is a program needs the scope mcp_stdio", async () => {
    for (const answer of [
      await create("sneaky", "stdio", program, plain),
      await send("PUT", "/remote", { type: "stdio", config: program }, plain)
    ]) {
      assert.deepEqual(errorOf(answer), [403, "FORBIDDEN"])
    }
  })

  it("does not exist for another tenant, which may use its name", async () => {
    for (const [method, path] of [
      ["GET", "/remote"],
      ["PUT", "/remote"],
      ["DELETE", "/remote"],
      ["GET", "/remote/resources"],
      ["GET", "/remote/resources/demo%3A%2F%2Fx"],
      ["POST", "/remote/share"],
      ["GET", "/remote/shares"],
      ["DELETE", `/remote/shares/${crypto.randomUUID()}`],
      ["DELETE", "/remote/share"]
    ] as const) {
      const answer = await send(method, path, method === "PUT" ? { config: {} } : undefined, stranger)
      assert.deepEqual(errorOf(answer), [404, "MCP_SERVER_NOT_FOUND"], `${method} ${path}`)
    }
    assert.deepEqual(at((await send("GET", "", undefined, stranger)).body, "servers"), [])
    assert.strictEqual((await create("remote", "http", { url: "https://example.com" }, stranger)).status, 201)
    assert.strictEqual((await send("GET", "")).text.includes("example.com"), false)
    assert.strictEqual((await send("DELETE", "/remote", undefined, stranger)).status, 204)
    assert.strictEqual(at((await send("GET", "/remote")).body, "status"), "connected")
  }, 30_000)
})

describe("what does not fit", () => {
  it("is refused with its code", async () => {
    const url = "https://example.com/mcp"
    assert.deepEqual(errorOf(await create("remote", "http", { url })), [409, "MCP_SERVER_EXISTS"])
    const together = await Promise.all(Array.from({ length: 5 }, () => create("at-once", "http", { url })))
    assert.deepEqual(together.map(({ status }) => status).toSorted(), [201, 409, 409, 409, 409])
    assert.strictEqual((await send("DELETE", "/at-once")).status, 204)
    for (const name of ["", "two words", "a:b", "a\u0000b", "a/b", "a__b", "share", "fs:house", "x".repeat(10_000)]) {
      assert.deepEqual(errorOf(await create(name, "http", { url })), [422, "VALIDATION_ERROR"], name.slice(0, 20))
    }
    for (const config of [
      {},
      { url: "ftp://example.com" },
      { url: "https://user:pass@example.com" },
      { url, command: "x" },
      { url, headers: { "a b": "c" } },
      { url, headers: { a: "b\r\nc: d" } },
      { url, status: "connected" },
      { url, allowed_tools: ["*"] }
    ]) {
      assert.deepEqual(errorOf(await create("odd", "http", config)), [422, "VALIDATION_ERROR"], JSON.stringify(config))
    }
    assert.deepEqual(errorOf(await create("odd", "websocket", { url })), [422, "VALIDATION_ERROR"])
    for (const path of ["/a%20b", `/${"x".repeat(10_000)}`, "/a:b"]) {
      assert.deepEqual(errorOf(await send("GET", path)), [422, "VALIDATION_ERROR"])
    }
    for (const path of ["/fs:none", "/none"]) {
      assert.deepEqual(errorOf(await send("GET", path)), [404, "MCP_SERVER_NOT_FOUND"])
    }
    const large = await create("large", "http", { url, metadata: { text: "x".repeat(11_000_000) } })
    assert.deepEqual(errorOf(large), [413, "PAYLOAD_TOO_LARGE"])
  })
})

describe("a server that misbehaves", () => {
  it("is found out in time, and nothing of it stays", async () => {
    const reasons = {
      crashes: "ended",
      absent: "ended",
      hangs: "timed_out",
      floods: "too_much",
      babbles: "protocol",
      lies: "protocol"
    } as const satisfies Record<keyof typeof misbehaving, string>
    const ask = async ([name, config]: readonly [string, unknown]) => {
      assert.strictEqual((await create(name, "stdio", config)).status, 201)
      const answer = await send("GET", `/${name}/resources`)
      assert.deepEqual(errorOf(answer), [502, "MCP_SERVER_FAILED"], answer.text)
      assert.strictEqual((await send("DELETE", `/${name}`)).status, 204)
      return [name, at(answer.body, "error.details.reason")] as const
    }
    assert.deepEqual(Object.fromEntries(await Promise.all(Object.entries(misbehaving).map(ask))), reasons)
    await untilNoAgents(setting().service.dataDir)
  }, 60_000)

  it("by HTTP: an address that may not be reached, one where nobody is, and one that is no MCP server", async () => {
    const web = createServer((_request, response) => response.end("<html>Hello</html>"))
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve))
    const address = web.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    for (const [url, reason] of [
      ["http://127.0.0.2/mcp", "url_refused"],
      ["http://169.254.169.254/latest/meta-data", "url_refused"],
      ["http://[::1]/mcp", "url_refused"],
      ["http://0x7f000002/mcp", "url_refused"],
      ["http://127.0.0.1:1/mcp", "unreachable"],
      [`http://127.0.0.1:${port}/mcp`, "protocol"]
    ] as const) {
      await create("there", "http", { url })
      const answer = await send("GET", "/there/resources")
      assert.deepEqual([answer.status, at(answer.body, "error.details.reason")], [502, reason], url)
      assert.strictEqual(at((await send("GET", "/there")).body, "status"), "failed")
      await send("DELETE", "/there")
    }
    web.close()
    web.closeAllConnections()
  }, 30_000)

  it("and one whose stored configuration does not open is shown as such and breaks no list", async () => {
    await create("garbled", "http", { url: http.url })
    await rowsOf(
      setting().database,
      "UPDATE mcp_servers SET settings = 'garbage', metadata = '[1]' WHERE name = 'garbled'"
    )
    const list = await send("GET", "")
    const garbled = listAt(list.body, "servers").find((server) => at(server, "name") === "garbled")
    assert.deepInclude(garbled, { status: "unreadable", command: null, url: null, metadata: {} })
    assert.strictEqual(at((await send("GET", "/garbled")).body, "status"), "unreadable")
    assert.deepEqual(errorOf(await send("GET", "/garbled/resources")), [500, "SECRET_UNREADABLE"])
    assert.deepEqual(errorOf(await send("PUT", "/garbled", { config: {} })), [500, "SECRET_UNREADABLE"])
    const lines = setting()
      .service.logs()
      .filter((line) => line["error_id"] === "ERR_SECRET_UNREADABLE")
    assert.isAbove(lines.length, 0)
    await rowsOf(setting().database, "UPDATE mcp_servers SET updated_at = 'infinity' WHERE name = 'garbled'")
    const without = await send("GET", "")
    const names = listAt(without.body, "servers").map((server) => at(server, "name"))
    assert.notInclude(names, "garbled")
    assert.include(names, "remote")
    assert.deepEqual(errorOf(await send("GET", "/garbled")), [500, "DATABASE_ERROR"])
    assert.strictEqual((await send("DELETE", "/garbled")).status, 204)
  })

  it("there may be only so many of", async () => {
    const made: Array<string> = []
    for (let index = 0; index < 20; index++) {
      const answer = await create(`many-${index}`, "http", { url: "https://example.com" })
      if (answer.status !== 201) {
        assert.deepEqual(errorOf(answer), [409, "TOO_MANY_MCP_SERVERS"])
        break
      }
      made.push(`many-${index}`)
    }
    assert.strictEqual(listAt((await send("GET", "")).body, "servers").length, 12)
    for (const name of made) assert.strictEqual((await send("DELETE", `/${name}`)).status, 204)
  })
})

describe("a share", () => {
  const read = (token: string) => send("GET", "/share", undefined, stranger, { "x-share-token": token })

  it("shows the server to whoever has the token, without its secrets, until it expires", async () => {
    const share = await send("POST", "/remote/share")
    assert.strictEqual(share.status, 200, share.text)
    const token = textAt(share.body, "share_token")
    const shown = await read(token)
    assert.strictEqual(shown.status, 200, shown.text)
    assert.strictEqual(at(shown.body, "name"), "remote")
    assert.strictEqual(at(shown.body, "expires_at"), at(share.body, "expires_at"))
    assert.deepEqual(at(share.body, "config"), at(shown.body, "config"))
    const [listed] = listAt((await send("GET", "/remote/shares")).body, "shares")
    for (const field of ["id", "created_at", "expires_at"]) assert.strictEqual(at(listed, field), at(share.body, field))
    assert.deepEqual(at(shown.body, "config.headers"), { Authorization: redacted, "X-API-Key": redacted })
    for (const { text } of [share, shown]) assert.notInclude(text, secret)
    const rows = await rowsOf(setting().database, "SELECT mcp_shares::text AS text FROM mcp_shares")
    assert.notInclude(JSON.stringify(rows), token)
    const expires = Date.parse(textAt(share.body, "expires_at"))
    await sleep(Math.max(0, expires - Date.now()) + 50)
    assert.deepEqual(errorOf(await read(token)), [404, "MCP_SHARE_NOT_FOUND"])
    assert.deepEqual(at((await send("GET", "/remote/shares")).body, "shares"), [])
  })

  it("is one of several, each of which can be taken back by itself", async () => {
    const [one, two] = [
      (await send("POST", "/remote/share?expires_in_seconds=3600")).body,
      (await send("POST", "/remote/share?expires_in_seconds=60")).body
    ]
    assert.strictEqual(Date.parse(textAt(one, "expires_at")) - Date.parse(textAt(one, "created_at")), 3_600_000)
    assert.strictEqual((await send("POST", "/remote/share?expires_in_seconds=59")).status, 422)
    const listed = listAt((await send("GET", "/remote/shares")).body, "shares").map((share) => at(share, "id"))
    assert.deepEqual(listed, [at(two, "id"), at(one, "id")])
    const path = `/remote/shares/${textAt(one, "id")}`
    assert.deepEqual(errorOf(await send("DELETE", path, undefined, stranger)), [404, "MCP_SERVER_NOT_FOUND"])
    assert.strictEqual((await send("DELETE", path)).status, 204)
    assert.deepEqual(errorOf(await send("DELETE", path)), [404, "MCP_SHARE_NOT_FOUND"])
    assert.deepEqual(errorOf(await read(textAt(one, "share_token"))), [404, "MCP_SHARE_NOT_FOUND"])
    assert.strictEqual((await read(textAt(two, "share_token"))).status, 200)
  })

  it("can be taken back, and ends with its server", async () => {
    const first = textAt((await send("POST", "/remote/share")).body, "share_token")
    assert.strictEqual((await send("DELETE", "/remote/share", undefined, stranger)).status, 404)
    assert.strictEqual((await read(first)).status, 200)
    assert.strictEqual((await send("DELETE", "/remote/share")).status, 204)
    assert.deepEqual(errorOf(await read(first)), [404, "MCP_SHARE_NOT_FOUND"])
    const second = textAt((await send("POST", "/remote/share")).body, "share_token")
    assert.strictEqual((await send("DELETE", "/remote")).status, 204)
    assert.deepEqual(errorOf(await send("DELETE", "/remote")), [404, "MCP_SERVER_NOT_FOUND"])
    assert.deepEqual(errorOf(await read(second)), [404, "MCP_SHARE_NOT_FOUND"])
    assert.deepEqual(errorOf(await read("guess")), [404, "MCP_SHARE_NOT_FOUND"])
    assert.deepEqual(errorOf(await send("GET", "/share")), [422, "VALIDATION_ERROR"])
  })
})
