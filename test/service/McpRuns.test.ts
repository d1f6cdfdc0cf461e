import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Script } from "../../scripts/scripted-model/Script.ts"
import { agentProcesses } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { misbehaving, program, type RemoteServer, startRemote } from "./McpServers.ts"
import { until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"
import { toolResults } from "./ToolResults.ts"

const secrets = {
  env: "environment-secret-5f2c",
  header: "Bearer header-secret-91ab",
  stream: "Bearer stream-secret-77de",
  house: "house-secret-c0ffee"
} as const

const files = await mkdtemp(join(tmpdir(), "causeway-mcp-"))
const installed = join(files, "servers.json")
await writeFile(
  installed,
  JSON.stringify({
    mcpServers: {
      house: { ...program, env: { HOUSE: "${HOUSE_TOKEN}" }, allowed_tools: ["echo"] },
      cellar: { ...program, enabled: false }
    }
  })
)

const setting = useService({
  env: {
    MCP_SERVERS_FILE: installed,
    HOUSE_TOKEN: secrets.house,
    OUTBOUND_ALLOW: "127.0.0.1",
    // The machine of a test may be slow to start five programs.
    MCP_TIMEOUT: "20 seconds",
    START_TIMEOUT: "60 seconds"
  }
})

/** May name programs of the machine. */
let trusted: string
/** Another tenant's. */
let stranger: string
let http: RemoteServer
let sse: RemoteServer

const add = async (name: string, type: string, config: Readonly<Record<string, unknown>>, key = trusted) => {
  const { service } = setting()
  const answer = await service.request("POST", "/api/v1/mcp-servers", { key, body: { name, type, config } })
  assert.strictEqual(answer.status, 201, answer.text)
}

const ask = async (
  text: string,
  steps: Script,
  more: Readonly<Record<string, unknown>> = {},
  key = trusted
): Promise<EventReader> => {
  const body = { ...small, prompt: scripted(text, ...steps), ...more }
  const stream = await setting().service.stream("POST", "/api/v1/query", { key, body })
  await stream.finished()
  return stream
}

const statuses = (stream: EventReader): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    listAt(stream.first("init").data, "mcp_servers").map((server) => [textAt(server, "name"), at(server, "status")])
  )

/** The servers whose tools the model was offered in the first request of an agent, by what its system prompt says. */
const serversOf = (stream: EventReader, system: string): ReadonlyArray<string> => {
  const request = setting()
    .model.requests()
    .find(
      ({ body, sessionId }) => sessionId === stream.sessionId && JSON.stringify(at(body, "system")).includes(system)
    )
  const names = listAt(request?.body, "tools").map((tool) => textAt(tool, "name"))
  return [...new Set(names.flatMap((name) => /^mcp__(.+?)__/.exec(name)?.[1] ?? []))].toSorted()
}

const offered = (stream: EventReader): ReadonlyArray<string> =>
  setting()
    .model.requests()
    .filter(({ kind, sessionId }) => kind === "main" && sessionId === stream.sessionId)
    .slice(0, 1)
    .flatMap(({ body }) => (at(body, "tools") === undefined ? [] : listAt(body, "tools")))
    .map((tool) => textAt(tool, "name"))

const call = (server: string, tool: string, input: Readonly<Record<string, unknown>>) => ({
  name: `mcp__${server}__${tool}`,
  input
})

const commandLine = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "latin1")

beforeAll(async () => {
  const { service } = setting()
  const own = await service.request("POST", "/api/v1/api-keys", {
    body: { name: "trusted", scopes: ["query", "mcp_stdio"] }
  })
  trusted = textAt(own.body, "key")
  const other = await service.request("POST", "/api/v1/tenants", { body: { name: "stranger" } })
  stranger = textAt(other.body, "api_key.key")
  ;[http, sse] = await Promise.all([startRemote("http", secrets.header), startRemote("sse", secrets.stream)])
  await add("local", "stdio", { ...program, env: { LOCAL_TOKEN: secrets.env }, allowed_tools: ["echo"] })
  await add("remote", "http", { url: http.url, headers: { Authorization: secrets.header }, allowed_tools: ["echo"] })
  await add("stream", "sse", { url: sse.url, headers: { Authorization: secrets.stream }, allowed_tools: ["echo"] })
  await add("crashes", "stdio", misbehaving.crashes)
  await add("garbled", "stdio", program)
  await add("idle", "stdio", { ...program, enabled: false })
  const { database } = setting()
  await rowsOf(database, "UPDATE mcp_servers SET settings = 'v1.00000000.AAAA' WHERE name = 'garbled'")
}, 60_000)

afterAll(async () => {
  await Promise.all([http?.stop(), sse?.stop(), rm(files, { recursive: true, force: true })])
})

describe("a run of a tenant that has MCP servers", () => {
  let stream: EventReader
  let lines: ReadonlyArray<string>
  let environments: ReadonlyArray<string>

  beforeAll(async () => {
    const { model, service } = setting()
    const asked = ask("Use them all.", [
      {
        tools: [
          call("house", "echo", { message: "from the house" }),
          call("local", "echo", { message: "from here" }),
          call("remote", "echo", { message: "from there" }),
          call("stream", "echo", { message: "from the stream" }),
          call("local", "get-sum", { a: 20, b: 22 })
        ]
      },
      { text: "Done.", hold: "looked" }
    ])
    await until("the tools have answered", () => model.requests().some(({ step }) => step === 1), 60_000)
    const pids = agentProcesses(service.dataDir)
    lines = pids.map(commandLine)
    environments = pids.map((pid) => readFileSync(`/proc/${pid}/environ`, "latin1"))
    model.open("looked")
    stream = await asked
  }, 90_000)

  it("says in init which of them it has, and goes on without those that failed", () => {
    assert.deepEqual(statuses(stream), {
      house: "connected",
      local: "connected",
      remote: "connected",
      stream: "connected",
      crashes: "failed",
      garbled: "failed"
    })
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
  })

  it("calls their tools over stdio, HTTP and server-sent events", () => {
    const answers = toolResults(stream).join("\n")
    for (const place of ["the house", "here", "there", "the stream"]) assert.include(answers, `Echo: from ${place}`)
  })

  it("runs no tool that nobody has allowed", () => {
    const denied = stream.all("permission_denied").map(({ data }) => at(data, "tool_name"))
    assert.deepEqual(denied, ["mcp__local__get-sum"])
    assert.notInclude(toolResults(stream).join("\n"), "42")
  })

  it("gives secrets to the servers, on no command line and in no event", () => {
    assert.isAbove(lines.filter((line) => line.includes("server-everything")).length, 1)
    assert.isTrue(environments.some((text) => text.includes(`LOCAL_TOKEN=${secrets.env}`)))
    assert.isTrue(environments.some((text) => text.includes(`HOUSE=${secrets.house}`)))
    for (const secret of Object.values(secrets)) {
      assert.isFalse(lines.some((line) => line.includes(secret)))
      assert.notInclude(stream.raw, secret)
      assert.notInclude(setting().service.output(), secret)
    }
  })

  it("authenticates to a server by HTTP without the agent's knowing how", () => {
    assert.isTrue(http.received.some(({ authorization }) => authorization === secrets.header))
    assert.isFalse(http.received.some((headers) => "x-causeway-relay" in headers))
    for (const secret of [secrets.header, secrets.stream]) {
      assert.isFalse(environments.some((text) => text.includes(secret)))
    }
  })
})

describe("the installation's servers", () => {
  it("are listed before the tenant's, with nothing of how they are reached, and can be read and not changed", async () => {
    const { service } = setting()
    const send = (method: string, path: string, body?: unknown) =>
      service.request(method, `/api/v1/mcp-servers${path}`, {
        key: stranger,
        ...(body === undefined ? {} : { body })
      })
    const list = await send("GET", "?page_size=1")
    const hidden = { command: null, args: [], env: {}, url: null, headers: {}, source: "filesystem" }
    const [house, cellar] = listAt(list.body, "servers")
    assert.deepInclude(house, { ...hidden, id: "fs:house", status: "active", allowed_tools: ["echo"] })
    assert.deepInclude(cellar, { ...hidden, id: "fs:cellar", status: "disabled" })
    assert.strictEqual(at((await send("GET", "/fs:house")).body, "status"), "connected")
    for (const [method, path, body] of [
      ["PUT", "/fs:house", { config: {} }],
      ["DELETE", "/fs:house"],
      ["POST", "/fs:house/share"],
      ["GET", "/fs:house/shares"],
      ["DELETE", "/fs:house/share"]
    ] as const) {
      const answer = await send(method, path, body)
      assert.deepEqual([answer.status, at(answer.body, "error.code")], [409, "MCP_SERVER_READONLY"], answer.text)
    }
    assert.strictEqual((await send("DELETE", "/fs:attic")).status, 404)
  }, 30_000)
})

describe("mcp_servers in a request", () => {
  it("take the place of all others, and are kept nowhere in the clear", async () => {
    const env = { OWN: "request-secret-31d4" }
    const stream = await ask(
      "Use mine.",
      [{ tools: [call("mine", "echo", { message: "asked for" })] }, { text: "Done." }],
      { mcp_servers: { mine: { ...program, env }, off: { enabled: false } }, allowed_tools: ["mcp__mine__echo"] }
    )
    assert.deepEqual(statuses(stream), { mine: "connected" })
    assert.include(toolResults(stream)[0] ?? "", "Echo: asked for")
    const { database, service } = setting()
    const [run] = await rowsOf(database, "SELECT runs::text AS text FROM runs WHERE id = $1", [stream.runId])
    assert.notInclude(String(run?.["text"]), env.OWN)
    assert.notInclude(stream.raw + service.output(), env.OWN)
  }, 60_000)

  it("are none when the map is empty", async () => {
    const stream = await ask("Use none.", [{ text: "None." }], { mcp_servers: {} })
    assert.deepEqual(statuses(stream), {})
    assert.deepEqual(offered(stream), [])
  }, 60_000)

  it("need the scope mcp_stdio where they are programs", async () => {
    const { service } = setting()
    const body = { ...small, prompt: "Hi", mcp_servers: { mine: program } }
    const answer = await service.request("POST", "/api/v1/query", { key: stranger, body })
    assert.strictEqual(answer.status, 403)
    assert.strictEqual(at(answer.body, "error.details.scope"), "mcp_stdio")
  })

  it("are refused where they do not fit", async () => {
    const { service } = setting()
    const refused = async (mcp_servers: unknown) => {
      const body = { ...small, prompt: "Hi", mcp_servers }
      const answer = await service.request("POST", "/api/v1/query", { key: trusted, body })
      assert.strictEqual(answer.status, 422, answer.text)
      return textAt(answer.body, "error.message")
    }
    assert.include(await refused({ a: { type: "http" } }), "body.mcp_servers.a.url")
    assert.include(await refused({ a: { url: "https://example.com", type: "stdio", command: "x" } }), ".a.url")
    for (const name of ["two words", "a:b", "a__b", "_a", "share", "", "x".repeat(65), "a\u0007"]) {
      await refused({ [name]: program })
    }
    assert.include(await refused({ a: { type: "http", url: "file:///etc/passwd" } }), "http")
    assert.include(await refused({ a: { ...program, secret: 1 } }), "secret")
  })
})

describe("an agent that names MCP servers", () => {
  const agentNamed = (name: string, text: string, steps: Script) => ({
    tool: "Agent",
    input: { description: name, subagent_type: name, prompt: scripted(text, ...steps) }
  })

  const subagents = {
    errand: { description: "Runs errands", prompt: "You run errands.", mcp_servers: ["local"] },
    reader: { description: "Reads", prompt: "You read.", tools: ["Read"], mcp_servers: ["remote", "local"] },
    heir: { description: "Has all", prompt: "You have all." },
    hermit: { description: "Has none", prompt: "You have none.", mcp_servers: [] }
  }

  beforeAll(async () => {
    const { service } = setting()
    const body = {
      name: "clerk",
      description: "x",
      prompt: "You are a clerk.",
      mcp_servers: ["remote", "idle"],
      tools: []
    }
    const made = await service.request("POST", "/api/v1/agents", { key: trusted, body })
    assert.strictEqual(made.status, 201, made.text)
    assert.deepEqual(at(made.body, "mcp_servers"), ["remote", "idle"])
  })

  it("has their tools and no others, also where it is called by one that has not", async () => {
    const { model, service } = setting()
    const input = { message: "from an errand" }
    const asked = ask(
      "Delegate.",
      [
        { tools: [call("remote", "echo", { message: "from the clerk" }), call("local", "echo", input)] },
        agentNamed("errand", "Go.", [{ tools: [call("local", "echo", input)] }, { text: "Gone.", hold: "errand" }]),
        agentNamed("reader", "Read.", [{ text: "Read." }]),
        agentNamed("heir", "Rest.", [{ text: "Rested." }]),
        agentNamed("hermit", "Hide.", [{ text: "Hidden." }]),
        { text: "Done." }
      ],
      { agent: "clerk", agents: subagents, system_prompt: "You are a clerk." }
    )
    await until(
      "the errand has its answer",
      () => model.requests().some(({ body }) => JSON.stringify(body).includes("Echo: from an errand")),
      60_000
    )
    const pids = agentProcesses(service.dataDir)
    const running = pids.map((pid) => [commandLine(pid), readFileSync(`/proc/${pid}/environ`, "latin1")].join("\n"))
    const shown = pids.map(commandLine).join("\n")
    model.open("errand")
    const stream = await asked
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
    assert.deepEqual(statuses(stream), { remote: "connected" })
    assert.deepEqual(serversOf(stream, "You are a clerk."), ["remote"])
    assert.deepEqual(serversOf(stream, "You run errands."), ["local"])
    assert.deepEqual(serversOf(stream, "You read."), ["local", "remote"])
    assert.deepEqual(serversOf(stream, "You have all."), ["remote"])
    assert.deepEqual(serversOf(stream, "You have none."), [])
    const answers = toolResults(stream).join("\n")
    assert.include(answers, "Echo: from the clerk")
    assert.strictEqual(answers.split("Echo: from an errand").length, 2, "the errand's call and not the clerk's")
    assert.isTrue(running.some((text) => text.includes(`LOCAL_TOKEN=${secrets.env}`)))
    for (const secret of Object.values(secrets)) assert.notInclude(shown + stream.raw, secret)
  }, 90_000)

  it("has none where the request says so", async () => {
    const stream = await ask("Do without.", [agentNamed("errand", "Go.", [{ text: "Gone." }]), { text: "Done." }], {
      agent: "clerk",
      agents: subagents,
      mcp_servers: {}
    })
    assert.deepEqual(statuses(stream), {})
    assert.deepEqual(serversOf(stream, "You run errands."), [])
  }, 60_000)

  it("names those that there are, of its own tenant", async () => {
    const { database, service } = setting()
    const before = await rowsOf(database, "SELECT id FROM sessions")
    const naming = (server: string) => ({ agents: { one: { description: "x", prompt: "x", mcp_servers: [server] } } })
    for (const [key, more] of [
      [trusted, naming("nowhere")],
      [trusted, { ...naming("nowhere"), mcp_servers: {} }],
      [stranger, naming("local")],
      [stranger, { ...naming("local"), mcp_servers: { own: { type: "http", url: "https://example.com" } } }]
    ] as const) {
      const answer = await service.request("POST", "/api/v1/query", { key, body: { ...small, prompt: "Hi", ...more } })
      assert.deepEqual([answer.status, at(answer.body, "error.code")], [404, "MCP_SERVER_NOT_FOUND"], answer.text)
    }
    for (const name of ["two words", "fs:house", "a__b", "x".repeat(10_000)]) {
      const body = { ...small, prompt: "Hi", ...naming(name) }
      assert.strictEqual((await service.request("POST", "/api/v1/query", { key: trusted, body })).status, 422)
    }
    assert.lengthOf(await rowsOf(database, "SELECT id FROM sessions"), before.length)
  })
})

describe("another tenant", () => {
  it("has the installation's servers, and may hide them; others' are not there for it", async () => {
    const stream = await ask(
      "Use the house.",
      [
        { tools: [call("house", "echo", { message: "for all" }), call("local", "echo", { message: "not yours" })] },
        { text: "Done." }
      ],
      {},
      stranger
    )
    assert.deepEqual(statuses(stream), { house: "connected" })
    const answers = toolResults(stream).join("\n")
    assert.include(answers, "Echo: for all")
    assert.notInclude(answers, "Echo: not yours")
    await add("house", "http", { url: "https://example.com/mcp", enabled: false }, stranger)
    const without = await ask("And now?", [{ text: "None." }], {}, stranger)
    assert.deepEqual(statuses(without), {})
  }, 90_000)

  it("cannot be led to an address of the service's own network", async () => {
    const received = http.received.length
    const url = http.url.replace("127.0.0.1", "127.0.0.2")
    const stream = await ask(
      "Go there.",
      [{ text: "I cannot." }],
      { mcp_servers: { inner: { type: "http", url } } },
      stranger
    )
    assert.deepEqual(statuses(stream), { inner: "failed" })
    assert.strictEqual(http.received.length, received)
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
  }, 60_000)
})
