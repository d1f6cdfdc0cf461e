// MCP servers × how PostgreSQL fails: each operation says so by its status, its body, one line of the log and its metric,
// and has stored nothing.
import { Client } from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { freshDatabase, rowsOf } from "../service/Database.ts"
import { at, textAt } from "../service/Json.ts"
import { type Service, startService } from "../service/Service.ts"
import { stopCleanly } from "../service/UseService.ts"
import { until } from "../service/Polling.ts"
import type { ErrorId } from "./Matrix.ts"

/** The operations, and how they are asked for. */
const operations = {
  list: { method: "GET", path: "" },
  create: {
    method: "POST",
    path: "",
    body: { name: "another", type: "http", config: { url: "https://example.com/mcp" } }
  },
  read: { method: "GET", path: "/kept" },
  update: { method: "PUT", path: "/kept", body: { config: { enabled: false } } },
  delete: { method: "DELETE", path: "/kept" },
  resources: { method: "GET", path: "/kept/resources" },
  resource: { method: "GET", path: "/kept/resources/demo%3A%2F%2Fx" },
  share: { method: "POST", path: "/kept/share" },
  shares: { method: "GET", path: "/kept/shares" },
  unshare: { method: "DELETE", path: "/kept/share" }
} as const
type Operation = keyof typeof operations
const names = Object.keys(operations) as ReadonlyArray<Operation>

interface Cell {
  readonly status: number
  readonly error_id: ErrorId
}

const everything = (cell: Cell) => Object.fromEntries(names.map((name) => [name, cell])) as Record<Operation, Cell>

/** What is seen of each operation. */
const matrix = {
  /** Nobody listens: no connection can be had. */
  refused: everything({ status: 503, error_id: "ERR_DB_UNAVAILABLE" }),
  /** The statements wait for something that does not come, for as long as they may. */
  locked: everything({ status: 503, error_id: "ERR_DB_OPERATIONAL" }),
  /** The server takes the statement for a mistake. */
  changed: {
    ...everything({ status: 500, error_id: "ERR_DB_REFUSED" }),
    list: { status: 500, error_id: "ERR_MCP_LIST_FAILED" },
    shares: { status: 500, error_id: "ERR_SESSION_RETRIEVAL_FAILED" }
  }
} as const satisfies Record<string, Record<Operation, Cell>>
type Fault = keyof typeof matrix

let proxy: FaultProxy
let locker: Client
let database: string
let service: Service
let key: string

const send = (name: Operation) => {
  const operation = operations[name]
  return service.request(operation.method, `/api/v1/mcp-servers${operation.path}`, {
    key,
    ...("body" in operation ? { body: operation.body } : {})
  })
}

const counted = async (error_id: string): Promise<number> => {
  const { text } = await service.request("GET", "/metrics", { key: null })
  const line = text.split("\n").find((one) => one.startsWith(`api_errors_total{error_code="${error_id}"}`))
  return Number(line?.split(" ").at(-1) ?? 0)
}

const stored = () => rowsOf(database, "SELECT name, enabled FROM mcp_servers ORDER BY name")

interface Provocation {
  readonly on: () => Promise<unknown>
  readonly off: () => Promise<unknown>
}

const provoke: Readonly<Record<Fault, Provocation>> = {
  refused: {
    on: async () => {
      await proxy.set({ kind: "refuse" })
      await until("the service has noticed", async () => {
        const { body } = await service.request("GET", "/health", { key: null })
        return at(body, "dependencies.postgres.status") === "error"
      })
    },
    off: () => proxy.set({ kind: "pass" })
  },
  locked: {
    on: async () => {
      await locker.query("BEGIN")
      await locker.query("LOCK TABLE mcp_servers IN ACCESS EXCLUSIVE MODE")
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
  changed: {
    on: async () => {
      await rowsOf(database, "ALTER TABLE mcp_servers RENAME TO mcp_servers_elsewhere")
      await rowsOf(database, "ALTER TABLE mcp_shares RENAME TO mcp_shares_elsewhere")
    },
    off: async () => {
      await rowsOf(database, "ALTER TABLE mcp_servers_elsewhere RENAME TO mcp_servers")
      await rowsOf(database, "ALTER TABLE mcp_shares_elsewhere RENAME TO mcp_shares")
    }
  }
}

beforeAll(async () => {
  database = await freshDatabase()
  const { hostname, port } = new URL(database)
  locker = new Client({ connectionString: database })
  await locker.connect()
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  service = await startService({ database: proxy.url(database) })
  const made = await service.request("POST", "/api/v1/api-keys", { body: { name: "k", scopes: ["query"] } })
  key = textAt(made.body, "key")
  const kept = { name: "kept", type: "http", config: { url: "https://example.com/mcp" } }
  assert.strictEqual((await service.request("POST", "/api/v1/mcp-servers", { key, body: kept })).status, 201)
})

afterAll(async () => {
  await proxy?.set({ kind: "pass" })
  await stopCleanly(service)
  await proxy?.close()
  await locker?.end()
})

describe.each(Object.keys(matrix) as ReadonlyArray<Fault>)("PostgreSQL is %s", (fault) => {
  const row = matrix[fault]

  it("and every operation on MCP servers says so, and nothing is changed", async () => {
    const before = await stored()
    const ids = [...new Set(Object.values(row).map(({ error_id }) => error_id))]
    const counts = new Map(await Promise.all(ids.map(async (id) => [id, await counted(id)] as const)))
    await provoke[fault].on()
    const answers = await Promise.all(names.map(async (name) => [name, await send(name)] as const)).finally(
      provoke[fault].off
    )
    for (const [name, { body, headers, status, text }] of answers) {
      const cell = row[name]
      assert.deepEqual([status, at(body, "error.error_id")], [cell.status, cell.error_id], `${name}: ${text}`)
      assert.strictEqual(headers.has("retry-after"), status === 503)
      const lines = service.logs().filter((line) => line["request_id"] === textAt(body, "error.request_id"))
      assert.deepEqual(
        lines.map((line) => line["error_id"]),
        [cell.error_id],
        name
      )
    }
    for (const id of ids) {
      const expected = names.filter((name) => row[name].error_id === id).length
      assert.isAtLeast((await counted(id)) - (counts.get(id) ?? 0), expected, id)
    }
    await until("PostgreSQL answers again", async () => (await send("list")).status === 200)
    assert.deepEqual(await stored(), before)
  }, 40_000)
})
