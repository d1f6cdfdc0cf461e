import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { ScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import { freshDatabase, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, textAt } from "./Json.ts"
import { scripted, small } from "./Prompts.ts"
import { operatorKey, type Service, startService } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"

const model: () => ScriptedModel = useModel()
let database: string
let service: Service

beforeAll(async () => {
  database = await freshDatabase()
  service = await startService({ database, model: model().url })
})
afterAll(() => stopCleanly(service))

/** An answer that costs more than a dollar, whichever model gives it. */
const dear = { usage: { output_tokens: 1_000_000 } } as const
const costly = scripted("Spend.", { text: "Gone.", ...dear })
/** It would go on for ever. */
const spendthrift = scripted("Spend.", { tool: "Bash", input: { command: "true" }, ...dear, repeat: true })

const run = async (path: string, body: Readonly<Record<string, unknown>>, key?: string): Promise<EventReader> => {
  const stream = await service.stream("POST", `/api/v1${path}`, { body, ...(key === undefined ? {} : { key }) })
  await stream.finished()
  return stream
}

const counts = () =>
  rowsOf(database, "SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM sessions) AS sessions")

describe("a session's budget", () => {
  let session: EventReader

  beforeAll(async () => {
    session = await run("/query", { ...small, prompt: costly, session_budget_usd: 0.5 })
  })

  it("lets a run begin while anything is left of it, and ends it where nothing is", async () => {
    assert.deepInclude(session.first("error").data, { error_id: "ERR_SESSION_BUDGET_REACHED", fatal: true })
    assert.strictEqual(at(session.first("done").data, "reason"), "error")
    const { body } = await service.request("GET", `/api/v1/sessions/${session.sessionId}`)
    assert.strictEqual(at(body, "budget_usd"), 0.5)
    assert.isAbove(Number(at(body, "total_cost_usd")), 1)
  })

  it("refuses the next one, and nothing is written", async () => {
    const before = await counts()
    const { body, status } = await service.request("POST", `/api/v1/sessions/${session.sessionId}/resume`, {
      body: { ...small, prompt: "More?" }
    })
    assert.strictEqual(status, 402)
    assert.deepInclude(at(body, "error"), {
      code: "BUDGET_REACHED",
      error_id: "ERR_SESSION_BUDGET_REACHED",
      retry: "fix"
    })
    assert.strictEqual(at(body, "error.details.session_id"), session.sessionId)
    assert.strictEqual(at(body, "error.details.budget_usd"), 0.5)
    assert.isAbove(Number(at(body, "error.details.spent_usd")), 1)
    assert.deepEqual(await counts(), before)
    const lines = service.logs().filter((line) => line["error_id"] === "ERR_SESSION_BUDGET_REACHED")
    // The run's own end, and this request.
    assert.lengthOf(lines, 2)
    assert.isTrue(lines.every((line) => line["session_id"] === session.sessionId))
  })

  it("raised, lets it go on, and ends a run in its middle", async () => {
    const raised = await service.request("PATCH", `/api/v1/sessions/${session.sessionId}`, {
      body: { budget_usd: Number(await spentBy(session)) + 1 }
    })
    assert.strictEqual(raised.status, 200)
    const { body, status } = await service.request("POST", "/api/v1/query/single", {
      body: { prompt: spendthrift, tools: ["Bash"], allowed_tools: ["Bash"], session_id: session.sessionId }
    })
    assert.strictEqual(status, 402)
    assert.strictEqual(at(body, "error.error_id"), "ERR_SESSION_BUDGET_REACHED")
    const cost = Number(at(body, "error.details.result.total_cost_usd"))
    assert.isAbove(cost, 1)
    assert.closeTo(Number(at(body, "error.details.spent_usd")), await spentBy(session), 1e-9)
    const [last] = await rowsOf(
      database,
      `SELECT status, total_cost_usd, error->>'error_id' AS error_id FROM runs
       WHERE session_id = '${session.sessionId}' ORDER BY start_seq DESC LIMIT 1`
    )
    assert.deepInclude(last, { status: "failed", total_cost_usd: cost, error_id: "ERR_SESSION_BUDGET_REACHED" })

    await service.request("PATCH", `/api/v1/sessions/${session.sessionId}`, { body: { budget_usd: null } })
    const next = await run(`/sessions/${session.sessionId}/resume`, { ...small, prompt: "Go on." })
    assert.strictEqual(at(next.first("done").data, "reason"), "completed")
  })

  it("is above a run's own, which stays what it is", async () => {
    const { body, status } = await service.request("POST", "/api/v1/query/single", {
      body: {
        prompt: spendthrift,
        tools: ["Bash"],
        allowed_tools: ["Bash"],
        session_budget_usd: 1000,
        max_budget_usd: 0.5
      }
    })
    assert.deepEqual([status, at(body, "error.error_id")], [422, "ERR_BUDGET_REACHED"])
  })

  it("is a number of dollars", async () => {
    for (const budget_usd of [-1, "1", 1e7]) {
      const { status } = await service.request("PATCH", `/api/v1/sessions/${session.sessionId}`, {
        body: { budget_usd }
      })
      assert.strictEqual(status, 422)
    }
  })

  const spentBy = async ({ sessionId }: EventReader) => {
    const [row] = await rowsOf(database, `SELECT total_cost_usd FROM sessions WHERE id = '${sessionId}'`)
    return Number(row?.["total_cost_usd"])
  }
})

describe("a tenant's budget", () => {
  let tenant: string
  let key: string
  const idempotent = { "idempotency-key": "once" }

  const ofOperator = (method: string, body?: unknown) =>
    service.request(method, `/api/v1/tenants/${tenant}/budget`, {
      key: operatorKey,
      ...(body === undefined ? {} : { body })
    })
  const ofTenant = (method: string, body?: unknown) =>
    service.request(method, "/api/v1/budget", { key, ...(body === undefined ? {} : { body }) })
  const start = (prompt = "Hello.") =>
    service.request("POST", "/api/v1/query/single", { key, body: { ...small, prompt } })

  beforeAll(async () => {
    const { body } = await service.request("POST", "/api/v1/tenants", { key: operatorKey, body: { name: "spenders" } })
    tenant = textAt(body, "id")
    key = textAt(body, "api_key.key")
  })

  it("is set by the operator, and by the tenant's admin within that", async () => {
    assert.deepInclude((await ofTenant("GET")).body, { usd_per_day: null, spent_today_usd: 0 })
    assert.deepInclude((await ofOperator("PUT", { usd_per_day: 20 })).body, { usd_per_day: 20 })
    const more = await ofTenant("PUT", { usd_per_day: 21 })
    assert.deepEqual([more.status, at(more.body, "error.details.issues.0.path")], [422, "body.usd_per_day"])
    const less = await ofTenant("PUT", { usd_per_day: 1 })
    assert.deepInclude(less.body, { usd_per_day: 1, operator_usd_per_day: 20, tenant_usd_per_day: 1 })
    const midnight = new Date()
    midnight.setUTCHours(24, 0, 0, 0)
    assert.strictEqual(at(less.body, "resets_at"), midnight.toISOString())
  })

  it("is nobody else's to set", async () => {
    const query = await service.request("POST", "/api/v1/api-keys", { key, body: { name: "q", scopes: ["query"] } })
    const requests = [
      [textAt(query.body, "key"), "PUT", "/budget", 403],
      [key, "GET", `/tenants/${tenant}/budget`, 403],
      [key, "PUT", `/tenants/${tenant}/budget`, 403],
      [operatorKey, "PUT", `/tenants/${randomUUID()}/budget`, 404],
      [operatorKey, "GET", `/tenants/${randomUUID()}/budget`, 404],
      [operatorKey, "GET", "/tenants/none/budget", 422]
    ] as const
    for (const [as, method, path, expected] of requests) {
      const answer = await service.request(method, `/api/v1${path}`, {
        key: as,
        ...(method === "PUT" ? { body: { usd_per_day: 5 } } : {})
      })
      assert.strictEqual(answer.status, expected, `${method} ${path}`)
      if (expected === 404) assert.strictEqual(at(answer.body, "error.error_id"), "ERR_TENANT_NOT_FOUND")
    }
  })

  it("counts failed runs as far as their cost is known", async () => {
    const { body, status } = await service.request("POST", "/api/v1/query/single", {
      key,
      headers: idempotent,
      body: { prompt: spendthrift, tools: ["Bash"], allowed_tools: ["Bash"] }
    })
    assert.deepEqual([status, at(body, "error.error_id")], [402, "ERR_TENANT_BUDGET_REACHED"])
    const cost = Number(at(body, "error.details.result.total_cost_usd"))
    assert.isAbove(cost, 1)
    assert.strictEqual(at((await ofTenant("GET")).body, "spent_today_usd"), cost)
  })

  const refused = async () => {
    const before = await counts()
    const { body, headers, status } = await start()
    assert.deepEqual([status, at(body, "error.error_id")], [402, "ERR_TENANT_BUDGET_REACHED"])
    const wait = Number(headers.get("retry-after"))
    assert.isTrue(wait > 0 && wait <= 86_400, `Retry-After: ${wait}`)
    assert.strictEqual(at(body, "error.retry"), "after")
    assert.deepEqual(await counts(), before)
  }

  it("refuses further runs of all its sessions, also after a restart", async () => {
    await refused()
    await stopCleanly(service)
    service = await startService({ database, model: model().url })
    await refused()
  })

  it("does not hide a run from who repeats its request", async () => {
    const { body, status } = await service.request("POST", "/api/v1/query/single", {
      key,
      headers: idempotent,
      body: { prompt: spendthrift, tools: ["Bash"], allowed_tools: ["Bash"] }
    })
    assert.strictEqual(status, 402)
    assert.isAbove(Number(at(body, "error.details.result.total_cost_usd")), 1)
  })

  it("raised, or on another day, lets them go on", async () => {
    assert.strictEqual((await ofTenant("PUT", { usd_per_day: null })).status, 200)
    assert.strictEqual((await ofOperator("PUT", { usd_per_day: 1000 })).status, 200)
    assert.strictEqual((await start(costly)).status, 200)
    assert.strictEqual((await ofTenant("PUT", { usd_per_day: 1 })).status, 200)
    await refused()
    await rowsOf(database, `UPDATE runs SET ended_at = ended_at - interval '1 day' WHERE tenant_id = '${tenant}'`)
    assert.strictEqual(at((await ofTenant("GET")).body, "spent_today_usd"), 0)
    assert.strictEqual((await start()).status, 200)
  })
})
