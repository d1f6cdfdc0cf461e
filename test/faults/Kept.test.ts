// What a tenant keeps × how PostgreSQL fails: each operation says so by its status, its body, one line of the log and
// its metric, and has stored nothing.
import { Client } from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { freshDatabase, rowsOf } from "../service/Database.ts"
import { at, textAt } from "../service/Json.ts"
import { until } from "../service/Polling.ts"
import { small } from "../service/Prompts.ts"
import { type Service, startService } from "../service/Service.ts"
import { stopCleanly } from "../service/UseService.ts"
import type { ErrorId } from "./Matrix.ts"

/** What a refusal of the server is called: it depends on what was asked for. */
type Refusal = "ERR_SESSION_RETRIEVAL_FAILED" | "ERR_DB_REFUSED" | "ERR_MCP_LIST_FAILED"

interface Operation {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly refusal: Refusal
}

/** What is there before the faults, by its path. */
const bodies = {
  projects: { name: "kept" },
  agents: { name: "kept", description: "x", prompt: "x" },
  skills: { name: "kept", description: "x", content: "x" },
  "slash-commands": { name: "kept", description: "x", content: "x" },
  "tool-presets": { name: "kept" },
  "mcp-servers": { name: "kept", type: "http", config: { url: "https://example.com/mcp" } }
} as const
type Kind = keyof typeof bodies
const kinds = Object.keys(bodies) as ReadonlyArray<Kind>
const tableOf = (kind: Kind) => kind.replaceAll("-", "_")
const tables = [...kinds.map(tableOf), "agent_versions", "agent_shares", "mcp_shares"]

const unknown = "01890000-0000-7000-8000-000000000001"
const token = `cw_${"x".repeat(43)}`

const reading = (path: string, refusal: Refusal = "ERR_SESSION_RETRIEVAL_FAILED"): Operation => ({
  method: "GET",
  path,
  refusal
})

const writing = (method: string, path: string, body?: unknown): Operation => ({
  method,
  path,
  refusal: "ERR_DB_REFUSED",
  ...(body === undefined ? {} : { body })
})

const sharesOf = (thing: string): ReadonlyArray<Operation> => [
  writing("POST", `${thing}/share`),
  reading(`${thing}/shares`),
  writing("DELETE", `${thing}/shares/${unknown}`),
  writing("DELETE", `${thing}/share`)
]

const namedOf = (kind: Exclude<Kind, "mcp-servers">, id: string): ReadonlyArray<Operation> => [
  reading(`/${kind}`),
  writing("POST", `/${kind}`, { ...bodies[kind], name: "another" }),
  reading(`/${kind}/${id}`),
  kind === "projects"
    ? writing("PATCH", `/${kind}/${id}`, { metadata: { changed: true } })
    : writing("PUT", `/${kind}/${id}`, { ...bodies[kind], name: "changed" }),
  writing("DELETE", `/${kind}/${id}`)
]

const operationsOf = (ids: Readonly<Record<Exclude<Kind, "mcp-servers">, string>>): ReadonlyArray<Operation> => [
  ...namedOf("projects", ids.projects),
  ...namedOf("agents", ids.agents),
  ...namedOf("skills", ids.skills),
  ...namedOf("slash-commands", ids["slash-commands"]),
  ...namedOf("tool-presets", ids["tool-presets"]),
  reading(`/agents/${ids.agents}/versions`),
  ...sharesOf(`/agents/${ids.agents}`),
  reading(`/shared/agents/${token}`, "ERR_DB_REFUSED"),
  writing("POST", `/shared/agents/${token}/import`, {}),

  reading("/mcp-servers", "ERR_MCP_LIST_FAILED"),
  writing("POST", "/mcp-servers", { ...bodies["mcp-servers"], name: "another" }),
  reading("/mcp-servers/kept", "ERR_DB_REFUSED"),
  writing("PUT", "/mcp-servers/kept", { config: { enabled: false } }),
  writing("DELETE", "/mcp-servers/kept"),
  reading("/mcp-servers/kept/resources", "ERR_DB_REFUSED"),
  reading("/mcp-servers/kept/resources/demo%3A%2F%2Fx", "ERR_DB_REFUSED"),
  ...sharesOf("/mcp-servers/kept"),

  // What a run is to have cannot be found out, so there is none.
  ...[
    { ...small, agent: "kept" },
    { ...small, agents: ["kept"] },
    { ...small, tool_preset: "kept" },
    { ...small, skills: ["kept"], tool_preset: null },
    { ...small, project_id: ids.projects, tool_preset: null, mcp_servers: {} }
  ].map((body): Operation => ({
    ...writing("POST", "/query", { prompt: "Hello.", ...body }),
    refusal: "ERR_SESSION_RETRIEVAL_FAILED"
  })),
  {
    ...writing("POST", "/query", { prompt: "Hello.", ...small, tool_preset: null }),
    refusal: "ERR_MCP_LIST_FAILED"
  }
]

let proxy: FaultProxy
let locker: Client
let database: string
let service: Service
let key: string
let operations: ReadonlyArray<Operation>

const ask = (method: string, path: string, body?: unknown) =>
  service.request(method, `/api/v1${path}`, { key, ...(body === undefined ? {} : { body }) })

const counted = async (error_id: string): Promise<number> => {
  const { text } = await service.request("GET", "/metrics", { key: null })
  const line = text.split("\n").find((one) => one.startsWith(`api_errors_total{error_code="${error_id}"}`))
  return Number(line?.split(" ").at(-1) ?? 0)
}

const stored = async () => {
  const rows = tables.map((table) => `SELECT '${table}' AS part, row_to_json(${table})::text AS row FROM ${table}`)
  const sessions = "SELECT 'sessions', id::text FROM sessions"
  return rowsOf(database, `${[...rows, sessions].join(" UNION ALL ")} ORDER BY part, row`)
}

const rename = async (from: string, to: string) => {
  for (const table of tables) await rowsOf(database, `ALTER TABLE ${table}${from} RENAME TO ${table}${to}`)
}

interface Fault {
  readonly status: number
  /** Null: it depends on what was asked for. */
  readonly error_id: ErrorId | null
  readonly on: () => Promise<unknown>
  readonly off: () => Promise<unknown>
}

const faults: Readonly<Record<string, Fault>> = {
  /** Nobody listens: no connection can be had. */
  refused: {
    status: 503,
    error_id: "ERR_DB_UNAVAILABLE",
    on: async () => {
      await proxy.set({ kind: "refuse" })
      await until("the service has noticed", async () => {
        const { body } = await service.request("GET", "/health", { key: null })
        return at(body, "dependencies.postgres.status") === "error"
      })
    },
    off: () => proxy.set({ kind: "pass" })
  },
  /** The statements wait for something that does not come, for as long as they may. */
  locked: {
    status: 503,
    error_id: "ERR_DB_OPERATIONAL",
    on: async () => {
      await locker.query("BEGIN")
      await locker.query(`LOCK TABLE ${tables.join(", ")} IN ACCESS EXCLUSIVE MODE`)
    },
    off: async () => {
      // Who gave up waiting has told the server so, which takes it a moment: none may get the lock after that.
      await until("nobody waits for the lock", async () => {
        const waiting = await rowsOf(
          database,
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting.length === 0
      })
      await locker.query("ROLLBACK")
    }
  },
  /** The server takes the statement for a mistake. */
  changed: {
    status: 500,
    error_id: null,
    on: () => rename("", "_elsewhere"),
    off: () => rename("_elsewhere", "")
  }
}

beforeAll(async () => {
  database = await freshDatabase()
  const { hostname, port } = new URL(database)
  locker = new Client({ connectionString: database })
  await locker.connect()
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  // All operations at once: none may have to wait for a connection behind the others.
  service = await startService({
    database: proxy.url(database),
    model: "http://127.0.0.1:9",
    env: { DATABASE_POOL: "80" }
  })
  const made = await service.request("POST", "/api/v1/api-keys", { body: { name: "k", scopes: ["query"] } })
  key = textAt(made.body, "key")
  const idOf = async (kind: Kind) => {
    const { body, status, text } = await ask("POST", `/${kind}`, bodies[kind])
    assert.strictEqual(status, 201, text)
    return textAt(body, "id")
  }
  operations = operationsOf({
    projects: await idOf("projects"),
    agents: await idOf("agents"),
    skills: await idOf("skills"),
    "slash-commands": await idOf("slash-commands"),
    "tool-presets": await idOf("tool-presets")
  })
  await idOf("mcp-servers")
}, 60_000)

afterAll(async () => {
  await proxy?.set({ kind: "pass" })
  await stopCleanly(service)
  await proxy?.close()
  await locker?.end()
})

describe.each(Object.entries(faults))("PostgreSQL is %s", (_, fault) => {
  it("and every operation on what a tenant keeps says so, and nothing is changed", async () => {
    const before = await stored()
    const expected = operations.map(({ refusal }) => fault.error_id ?? refusal)
    const counts = new Map(
      await Promise.all([...new Set(expected)].map(async (id) => [id, await counted(id)] as const))
    )
    await fault.on()
    const answers = await Promise.all(operations.map(({ body, method, path }) => ask(method, path, body))).finally(
      fault.off
    )
    for (const [index, { body, headers, status, text }] of answers.entries()) {
      const { method, path } = operations[index] ?? {}
      const seen = [status, at(body, "error.error_id")]
      assert.deepEqual(seen, [fault.status, expected[index]], `${method} ${path}: ${text}`)
      assert.strictEqual(headers.has("retry-after"), status === 503)
      const lines = service.logs().filter((line) => line["request_id"] === textAt(body, "error.request_id"))
      assert.deepEqual(
        lines.map((line) => line["error_id"]),
        [expected[index]],
        `${method} ${path}`
      )
    }
    for (const [id, count] of counts) {
      const least = expected.filter((one) => one === id).length
      assert.isAtLeast((await counted(id)) - count, least, id)
    }
    await until("PostgreSQL answers again", async () => (await ask("GET", "/mcp-servers")).status === 200)
    assert.deepEqual(await stored(), before)
  }, 40_000)
})
