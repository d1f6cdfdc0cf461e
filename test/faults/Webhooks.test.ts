// Webhooks × how PostgreSQL fails: each operation says so and has changed nothing, no run begins unasked, and what was
// told is written down when the database is there again.
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { freshDatabase, rowsOf } from "../service/Database.ts"
import { useHookEndpoint } from "../service/HookEndpoint.ts"
import { at, textAt } from "../service/Json.ts"
import { eventually, until } from "../service/Polling.ts"
import { small } from "../service/Prompts.ts"
import { type Service, startService } from "../service/Service.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"
import type { ErrorId } from "./Matrix.ts"

/** The operations, on a webhook and on what it was told. */
const operations = {
  create: ["POST", "", { url: "https://ops.example.org/", events: ["run.ended"] }],
  list: ["GET", ""],
  read: ["GET", "/:id"],
  update: ["PATCH", "/:id", { timeout: 7 }],
  rotate: ["POST", "/:id/rotate-secret", {}],
  test: ["POST", "/:id/test"],
  deliveries: ["GET", "/:id/deliveries"],
  delivery: ["GET", "/:id/deliveries/:delivery"],
  redeliver: ["POST", "/:id/deliveries/:delivery/redeliver"],
  delete: ["DELETE", "/:id"]
} as const
type Operation = keyof typeof operations
const names = Object.keys(operations) as ReadonlyArray<Operation>
const reads: ReadonlySet<Operation> = new Set(["list", "read", "deliveries", "delivery"])

const model = useModel()
let proxy: FaultProxy
let database: string
let service: Service
let webhook: string
let delivery: string
let answer = (): Promise<unknown> => Promise.resolve()

const endpoint = useHookEndpoint((_, response) => {
  void answer().then(() => response.writeHead(204).end())
})

const send = (name: Operation) => {
  const [method, path, body] = operations[name]
  const url = `/api/v1/webhooks${path.replace(":id", webhook).replace(":delivery", delivery)}`
  return service.request(method, url, body === undefined ? {} : { body })
}

const stored = async () => [
  await rowsOf(database, "SELECT id, settings, timeout, enabled FROM webhooks ORDER BY id"),
  await rowsOf(database, "SELECT id, status, attempts FROM webhook_deliveries ORDER BY id")
]

const health = async () => {
  const { body } = await service.request("GET", "/health", { key: null })
  return at(body, "dependencies.postgres.status")
}

const delivered = (id: string) =>
  eventually("it is delivered", async () => {
    const [row] = await rowsOf(database, "SELECT status, attempts, last_status FROM webhook_deliveries WHERE id = $1", [
      id
    ])
    return row?.["status"] === "delivered" ? row : undefined
  })

/** How often it was tried to write down what came of a delivery. */
const recordings = async () => {
  const { text } = await service.request("GET", "/metrics", { key: null })
  return Number(
    /^db_query_duration_seconds_count\{operation="WebhookDeliveryRepository.record"\} (\d+)$/m.exec(text)?.[1]
  )
}

beforeAll(async () => {
  database = await freshDatabase()
  const { hostname, port } = new URL(database)
  proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  service = await startService({
    database: proxy.url(database),
    model: model().url,
    env: { OUTBOUND_ALLOW: "127.0.0.9" }
  })
  const hook = { url: endpoint.url("/told"), events: ["run.ended"] }
  const made = await service.request("POST", "/api/v1/webhooks", { body: hook })
  webhook = textAt(made.body, "id")
  delivery = textAt((await service.request("POST", `/api/v1/webhooks/${webhook}/test`)).body, "id")
  await delivered(delivery)
})

afterAll(async () => {
  await proxy?.set({ kind: "pass" })
  await stopCleanly(service)
  await proxy?.close()
})

/** Nobody listens; or the server takes the statement for a mistake. */
const faults = {
  refused: {
    on: async () => {
      await proxy.set({ kind: "refuse" })
      await until("the service has noticed", async () => (await health()) === "error")
    },
    off: async () => {
      await proxy.set({ kind: "pass" })
      await until("the service has noticed", async () => (await health()) === "ok")
    },
    seen: (): readonly [number, ErrorId] => [503, "ERR_DB_UNAVAILABLE"]
  },
  changed: {
    on: async () => {
      await rowsOf(database, "ALTER TABLE webhooks RENAME TO webhooks_elsewhere")
      await rowsOf(database, "ALTER TABLE webhook_deliveries RENAME TO webhook_deliveries_elsewhere")
    },
    off: async () => {
      await rowsOf(database, "ALTER TABLE webhooks_elsewhere RENAME TO webhooks")
      await rowsOf(database, "ALTER TABLE webhook_deliveries_elsewhere RENAME TO webhook_deliveries")
    },
    seen: (name: Operation): readonly [number, ErrorId] =>
      reads.has(name) ? [500, "ERR_SESSION_RETRIEVAL_FAILED"] : [500, "ERR_DB_REFUSED"]
  }
} as const

describe.each(Object.keys(faults) as ReadonlyArray<keyof typeof faults>)("PostgreSQL is %s", (fault) => {
  it("and every operation on webhooks says so, and nothing is changed", async () => {
    const { off, on, seen } = faults[fault]
    const before = await stored()
    await on()
    const answers = await Promise.all(names.map(async (name) => [name, await send(name)] as const)).finally(off)
    for (const [name, { body, headers, status, text }] of answers) {
      assert.deepEqual([status, at(body, "error.error_id")], [...seen(name)], `${name}: ${text}`)
      assert.strictEqual(headers.has("retry-after"), status === 503)
      const lines = service.logs().filter((line) => line["request_id"] === textAt(body, "error.request_id"))
      assert.deepEqual(
        lines.map((line) => line["error_id"]),
        [seen(name)[1]],
        name
      )
    }
    assert.deepEqual(await stored(), before)
  })
})

describe("a run whose tenant's webhooks cannot be read", () => {
  it("does not begin, and its model is not asked", async () => {
    const asked = model().requests().length
    await faults.changed.on()
    const { body, status, text } = await service
      .request("POST", "/api/v1/query/single", { body: { ...small, prompt: "Do as you like." } })
      .finally(faults.changed.off)
    assert.deepEqual([status, at(body, "error.error_id")], [500, "ERR_SESSION_CREATE_FAILED"], text)
    assert.lengthOf(model().requests(), asked)
  })
})

describe("a database that is away while a webhook is told", () => {
  it("is waited for: what came of it is written down, and nothing is told twice", async () => {
    const calls = endpoint.calls.length
    // The answer comes while nobody can write it down.
    answer = faults.refused.on
    const before = await recordings()
    const made = await send("test")
    await until("it could not be written down", async () => (await recordings()) > before)
    await faults.refused.off()
    const row = await delivered(textAt(made.body, "id"))
    assert.deepInclude(row, { attempts: 1, last_status: 204 })
    assert.lengthOf(endpoint.calls, calls + 1)
  })
})
