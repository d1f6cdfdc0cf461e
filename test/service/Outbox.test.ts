import { randomBytes } from "node:crypto"
import { rm } from "node:fs/promises"
import { Schema } from "effect"
import { Webhook } from "standardwebhooks"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { RunEndedData } from "../../src/domain/WebhookDelivery.ts"
import { scrape, sumOf } from "../ops/Metrics.ts"
import { freshDatabase, rowsOf } from "./Database.ts"
import { json, type ReceivedCall, useHookEndpoint } from "./HookEndpoint.ts"
import { at, listAt, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { type Answer, makeDataDirectory, type Service, startService } from "./Service.ts"
import { stopCleanly, useModel, useService } from "./UseService.ts"

const env = { OUTBOUND_ALLOW: "127.0.0.9", WEBHOOK_RETRIES: "200 millis, 400 millis", START_WAIT: "1 minute" }
const setting = useService({ env })

const secret = `whsec_${randomBytes(32).toString("base64")}`
let flakyFails = true
let hanging = true

const endpoint = useHookEndpoint((call, response) => {
  switch (call.path) {
    case "/error":
      return json({ error: "out of order" }, 500)(call, response)
    case "/moved":
      return response.writeHead(307, { location: endpoint.url("/fine") }).end()
    case "/gone":
      return response.writeHead(410).end()
    case "/hangs":
      return hanging ? undefined : response.writeHead(204).end()
    case "/drips": {
      // A head that never ends.
      const { socket } = response
      socket?.write("HTTP/1.1 200 OK\r\n")
      const drip = setInterval(
        () => (socket?.writable === true ? socket.write("x-drip: 1\r\n") : clearInterval(drip)),
        50
      )
      return undefined
    }
    case "/babbles": {
      // A body that never ends: whether it was heard stands in its head.
      response.writeHead(200)
      const babble = setInterval(
        () => (response.writable ? response.write("x".repeat(65_536)) : clearInterval(babble)),
        20
      )
      response.once("close", () => clearInterval(babble))
      return undefined
    }
    case "/garbage":
      return response.socket?.end("220 smtp.example.org ready\r\n")
    case "/flaky":
      return response.writeHead(flakyFails ? 503 : 200).end()
    case "/busy":
      return response.writeHead(429, { "retry-after": "3600" }).end()
    default:
      return response.writeHead(202).end("not json")
  }
})

const send = (method: string, path: string, body?: unknown, key?: string): Promise<Answer> =>
  setting().service.request(method, `/api/v1/webhooks${path}`, {
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body })
  })

const create = async (url: string, more: Readonly<Record<string, unknown>> = {}) => {
  const made = await send("POST", "", { url, events: ["run.ended"], timeout: 1, enabled: true, ...more })
  assert.strictEqual(made.status, 201, made.text)
  return textAt(made.body, "id")
}

const told = (path: string) => endpoint.calls.filter((call) => call.path === path)

const verified = (key: string, { headers, text }: ReceivedCall): unknown =>
  new Webhook(key).verify(
    text,
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  )

const settled = (webhook: string, delivery: string) =>
  eventually(`${delivery} is over`, async () => {
    const { body } = await send("GET", `/${webhook}/deliveries/${delivery}`)
    return at(body, "status") === "pending" ? undefined : body
  })

const errorOf = ({ body, status }: Answer) => [status, at(body, "error.error_id")]

describe("a webhook that is told", () => {
  it("is not one that is asked, and has no matcher", async () => {
    const url = "https://ops.example.org/"
    const cases = [
      [{ url, events: ["run.ended", "PreToolUse"] }, "body.events"],
      [{ url, events: ["run.began"] }, "body.events"],
      [{ url, events: ["run.ended"], matcher: "Bash" }, "body.matcher"]
    ] as const
    for (const [body, path] of cases) {
      const answer = await send("POST", "", body)
      assert.strictEqual(answer.status, 422, JSON.stringify(body))
      assert.isTrue(textAt(answer.body, "error.details.issues.0.path").startsWith(path), answer.text)
    }
    const asked = await create(url, { events: ["PreToolUse"], matcher: "Bash", enabled: false })
    assert.strictEqual((await send("PATCH", `/${asked}`, { events: ["run.ended"] })).status, 422)
    assert.strictEqual((await send("DELETE", `/${asked}`)).status, 204)
  })
})

describe("how a run ended", () => {
  const webhooks: Record<string, string> = {}
  const runs: Record<string, string> = {}

  beforeAll(async () => {
    const { model, service } = setting()
    webhooks["heard"] = await create(endpoint.url("/ended"), { secret, headers: { "x-team": "figs" } })
    webhooks["off"] = await create(endpoint.url("/off"), { enabled: false })
    const query = async (body: Readonly<Record<string, unknown>>) => {
      const stream = await service.stream("POST", "/api/v1/query", { body: { ...small, ...body } })
      await stream.finished()
      return stream.runId
    }
    const live = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Wait.", "ends") } })
    await live.waitFor(({ event }) => event === "init")
    const queued = await service.request("POST", "/api/v1/query", {
      body: { ...small, prompt: "Later.", session_id: live.sessionId, on_busy: "queue", background: true }
    })
    runs["dropped"] = textAt(queued.body, "id")
    const dropped = await service.request("POST", `/api/v1/runs/${runs["dropped"]}/interrupt`)
    assert.strictEqual(dropped.status, 200, dropped.text)
    await service.request("POST", `/api/v1/sessions/${live.sessionId}/interrupt`)
    await live.finished()
    model.open("ends")
    runs["interrupted"] = live.runId
    const [completed, failed, spent] = await Promise.all([
      query({ prompt: "Tell me." }),
      query({ prompt: scripted("Fail.", { error: "invalid_request", repeat: true }) }),
      query({
        prompt: scripted("Spend.", { text: "Expensive.", usage: { output_tokens: 100_000 } }),
        max_budget_usd: 0.01
      })
    ])
    Object.assign(runs, { completed, failed, spent })
    await until("all is told", () => told("/ended").length >= 5)
  }, 60_000)

  it("is told once for each run, whichever way it ended, with what its row says", async () => {
    const calls = told("/ended")
    assert.lengthOf(calls, 5)
    const seen = new Map(calls.map(({ body }) => [at(body, "data.run_id"), body]))
    const expected = {
      completed: ["completed", null],
      failed: ["failed", "ERR_MODEL_REQUEST_REJECTED"],
      spent: ["failed", "ERR_BUDGET_REACHED"],
      interrupted: ["interrupted", null],
      dropped: ["interrupted", null]
    }
    for (const [how, [status, error]] of Object.entries(expected)) {
      const body = seen.get(runs[how])
      assert.deepEqual([at(body, "data.status"), at(body, "data.error.error_id") ?? null], [status, error], how)
      const data = Schema.decodeUnknownSync(RunEndedData)(at(body, "data"))
      const { body: run } = await setting().service.request("GET", `/api/v1/runs/${data.run_id}`)
      for (const field of [
        "session_id",
        "status",
        "num_turns",
        "total_cost_usd",
        "cost_unknown",
        "created_at",
        "ended_at"
      ])
        assert.deepEqual(at(body, `data.${field}`), at(run, field), `${how}: ${field}`)
      assert.strictEqual(at(body, "type"), "run.ended")
      assert.strictEqual(at(body, "timestamp"), at(run, "ended_at"))
    }
    assert.isEmpty(told("/off"))
  })

  it("is signed, under an id of its own", () => {
    const calls = told("/ended")
    assert.lengthOf([...new Set(calls.map(({ headers }) => headers["webhook-id"]))], 5)
    for (const call of calls) {
      assert.deepEqual(verified(secret, call), call.body)
      assert.strictEqual(call.headers["x-team"], "figs")
    }
  })

  it("is listed as delivered, by pages and by status", async () => {
    const path = `/${webhooks["heard"]}/deliveries`
    const all = await eventually("all is recorded", async () => {
      const { body } = await send("GET", `${path}?status=delivered`)
      return listAt(body, "deliveries").length === 5 ? listAt(body, "deliveries") : undefined
    })
    for (const delivery of all) {
      assert.deepInclude(delivery, {
        webhook_id: webhooks["heard"],
        event: "run.ended",
        status: "delivered",
        attempts: 1,
        next_attempt_at: null,
        last_status: 202,
        last_reason: null
      })
    }
    const first = await send("GET", `${path}?page_size=3`)
    const second = await send("GET", `${path}?page_size=3&cursor=${textAt(first.body, "next_cursor")}`)
    assert.deepEqual([...listAt(first.body, "deliveries"), ...listAt(second.body, "deliveries")], [...all])
    assert.strictEqual(at(second.body, "has_more"), false)
    assert.deepEqual(at((await send("GET", `${path}?status=dead`)).body, "deliveries"), [])
    assert.strictEqual((await send("GET", `${path}?status=lost`)).status, 422)
  })

  it("does not exist for others", async () => {
    const { service } = setting()
    const other = await service.request("POST", "/api/v1/tenants", { body: { name: "other" } })
    const key = textAt(other.body, "api_key.key")
    const id = webhooks["heard"] ?? ""
    const delivery = textAt((await send("GET", `/${id}/deliveries`)).body, "deliveries.0.id")
    const operations = [
      ["GET", `/${id}/deliveries`, "ERR_WEBHOOK_NOT_FOUND"],
      ["POST", `/${id}/test`, "ERR_WEBHOOK_NOT_FOUND"],
      ["POST", `/${id}/deliveries/${delivery}/redeliver`, "ERR_WEBHOOK_NOT_FOUND"],
      ["GET", `/${id}/deliveries/${delivery}`, "ERR_DELIVERY_NOT_FOUND"]
    ] as const
    for (const [method, path, error] of operations) {
      assert.deepEqual(errorOf(await send(method, path, undefined, key)), [404, error])
    }
    const unknown = `/${id}/deliveries/${crypto.randomUUID()}`
    assert.deepEqual(errorOf(await send("POST", `${unknown}/redeliver`)), [404, "ERR_DELIVERY_NOT_FOUND"])
    await send("DELETE", `/${id}`)
    assert.deepEqual(errorOf(await send("GET", `/${id}/deliveries`)), [404, "ERR_WEBHOOK_NOT_FOUND"])
  })
})

describe("an endpoint that does not hear", () => {
  const dead = {
    "/error": ["status", 500],
    "/moved": ["redirected", 307],
    "/hangs": ["timed_out", null],
    "/drips": ["timed_out", null],
    "/garbage": ["no_connection", null],
    "/flaky": ["status", 503]
  } as const
  const webhooks = new Map<string, string>()
  const deliveries = new Map<string, string>()
  let before: ReadonlyArray<Parameters<typeof sumOf>[0][number]>

  const test = async (
    path: string,
    url = endpoint.url(path),
    spoil: (webhook: string) => Promise<unknown> = () => Promise.resolve()
  ) => {
    const webhook = await create(url, { events: ["approval.needed"] })
    webhooks.set(path, webhook)
    await spoil(webhook)
    const answer = await send("POST", `/${webhook}/test`)
    assert.strictEqual(answer.status, 202, answer.text)
    assert.deepInclude(answer.body, { event: "webhook.test", status: "pending", attempts: 0, data: {} })
    deliveries.set(path, textAt(answer.body, "id"))
  }

  const state = (path: string) => settled(webhooks.get(path) ?? "", deliveries.get(path) ?? "")

  beforeAll(async () => {
    before = await scrape(setting().service)
    for (const path of Object.keys(dead)) await test(path)
    await test("/refused", endpoint.url("/refused", "localhost"))
    await test("/nobody", "http://127.0.0.9:1/")
    await test("/unreadable", endpoint.url("/unreadable"), (id) =>
      rowsOf(setting().database, "UPDATE webhooks SET settings = 'v1.00000000.AAAA' WHERE id = $1", [id])
    )
    await test("/gone")
    await test("/babbles")
    await test("/busy")
  })

  it("is told again, under the same id, until it is given up", async () => {
    for (const [path, [last_reason, last_status]] of Object.entries(dead)) {
      const delivery = await state(path)
      const expected = { status: "dead", attempts: 3, last_reason, last_status, next_attempt_at: null }
      assert.deepInclude(delivery, expected, path)
      const calls = told(path)
      assert.lengthOf(calls, 3, path)
      for (const { body, headers } of calls) {
        assert.strictEqual(headers["webhook-id"], deliveries.get(path))
        assert.deepInclude(body, { type: "webhook.test", data: {} })
      }
    }
    assert.isEmpty(told("/fine"), "a redirect was followed")
    assert.deepInclude(await state("/refused"), { status: "dead", last_reason: "url_refused", last_status: null })
    assert.deepInclude(await state("/unreadable"), { status: "dead", last_reason: "settings_unreadable" })
    assert.isEmpty([...told("/refused"), ...told("/unreadable")])
    assert.deepInclude(await state("/nobody"), { status: "dead", last_reason: "no_connection", last_status: null })
  }, 30_000)

  it("has heard it with the head of its answer, whatever comes after that", async () => {
    assert.deepInclude(await state("/babbles"), { status: "delivered", attempts: 1, last_status: 200 })
  })

  it("may say when it wants to be told again", async () => {
    const path = `/${webhooks.get("/busy")}/deliveries/${deliveries.get("/busy")}`
    const delivery = await eventually("it has answered", async () => {
      const { body } = await send("GET", path)
      return at(body, "last_status") === 429 ? body : undefined
    })
    assert.closeTo(Date.parse(textAt(delivery, "next_attempt_at")) - Date.now(), 3_600_000, 60_000)
    assert.deepInclude(delivery, { status: "pending", attempts: 1, last_reason: "status" })
  })

  it("that is gone is disabled, until somebody enables it", async () => {
    assert.deepInclude(await state("/gone"), { status: "dead", attempts: 1, last_reason: "gone", last_status: 410 })
    const id = webhooks.get("/gone") ?? ""
    assert.deepInclude((await send("GET", `/${id}`)).body, { enabled: false, disabled_reason: "gone" })
    const again = `/${id}/deliveries/${deliveries.get("/gone")}/redeliver`
    for (const path of [`/${id}/test`, again]) {
      assert.deepEqual(errorOf(await send("POST", path)), [409, "ERR_WEBHOOK_DISABLED"])
    }
    const enabled = await send("PATCH", `/${id}`, { enabled: true, url: endpoint.url("/mended") })
    assert.deepInclude(enabled.body, { enabled: true, disabled_reason: null })
    assert.strictEqual((await send("POST", again)).status, 202)
    assert.deepInclude(await state("/gone"), { status: "delivered", attempts: 1, last_status: 202 })
    assert.strictEqual(told("/mended")[0]?.headers["webhook-id"], deliveries.get("/gone"))
  })

  it("has what was given up sent again when it is mended", async () => {
    flakyFails = false
    const path = `/${webhooks.get("/flaky")}/deliveries/${deliveries.get("/flaky")}/redeliver`
    assert.deepInclude((await send("POST", path)).body, { status: "pending", attempts: 0 })
    assert.deepInclude(await state("/flaky"), { status: "delivered", attempts: 1, last_reason: null })
    assert.lengthOf(told("/flaky"), 4)
  })

  it("stands in the log and in the metrics, without its secrets", async () => {
    const { service } = setting()
    const after = await scrape(service)
    const more = (name: string, labels: Readonly<Record<string, string>>) =>
      sumOf(after, name, labels) - sumOf(before, name, labels)
    const abandoned = Object.keys(dead).length + 3
    assert.strictEqual(more("webhook_deliveries_total", { outcome: "dead" }), abandoned)
    assert.strictEqual(more("webhook_deliveries_total", { outcome: "failed" }), 2 * abandoned + 1)
    assert.strictEqual(more("webhook_deliveries_total", { outcome: "gone" }), 1)
    assert.strictEqual(more("api_errors_total", { error_code: "ERR_DELIVERY_DEAD" }), abandoned)
    assert.strictEqual(more("api_errors_total", { error_code: "ERR_DELIVERY_FAILED" }), 2 * abandoned + 1)
    assert.strictEqual(more("api_errors_total", { error_code: "ERR_WEBHOOK_GONE" }), 1)
    const line = service
      .logs()
      .find((one) => one["error_id"] === "ERR_DELIVERY_DEAD" && one["delivery_id"] === deliveries.get("/error"))
    assert.deepInclude(line, { webhook_id: webhooks.get("/error"), attempt: 3, reason: "status", answered: 500 })
    assert.notInclude(service.output(), secret)
  })
})

describe("an instance that is killed", () => {
  const model = useModel()
  let service: Service
  let dataDir: string
  let database: string

  const start = async () => {
    service = await startService({ database, model: model().url, dataDir, env })
  }
  const ask = (method: string, path: string, body?: unknown) =>
    service.request(method, path, body === undefined ? {} : { body })

  beforeAll(async () => {
    database = await freshDatabase()
    dataDir = await makeDataDirectory()
    await start()
  })
  afterAll(async () => {
    await stopCleanly(service)
    await rm(dataDir, { recursive: true, force: true })
  })

  it("in the middle of telling something loses nothing, and neither does the run that dies with it", async () => {
    const hook = { url: endpoint.url("/hangs"), events: ["run.ended"], timeout: 300 }
    const webhook = textAt((await ask("POST", "/api/v1/webhooks", hook)).body, "id")
    const calls = told("/hangs").length
    const delivery = textAt((await ask("POST", `/api/v1/webhooks/${webhook}/test`)).body, "id")
    const live = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Wait.", "never") } })
    await live.waitFor(({ event }) => event === "init")
    await until("it is told", () => told("/hangs").length > calls)
    await service.kill9()
    await live.finished()
    hanging = false
    await start()
    assert.lengthOf(told("/hangs"), calls + 1)
    // The time for which the dead one had it runs out.
    await rowsOf(database, "UPDATE webhook_deliveries SET due_at = now() WHERE id = $1", [delivery])
    await until("both have been told", () => told("/hangs").length >= calls + 3, 20_000)
    const [first, ...later] = told("/hangs").slice(calls)
    const again = later.find(({ body }) => at(body, "type") === "webhook.test")
    assert.strictEqual(again?.headers["webhook-id"], first?.headers["webhook-id"])
    assert.strictEqual(again?.text, first?.text)
    const lost = later.find(({ body }) => at(body, "type") === "run.ended")
    assert.deepInclude(at(lost?.body, "data"), { run_id: live.runId, status: "lost", cost_unknown: true })
    await until("it is recorded", async () => {
      const { body } = await ask("GET", `/api/v1/webhooks/${webhook}/deliveries/${delivery}`)
      return at(body, "status") === "delivered" && at(body, "attempts") === 2
    })
  }, 60_000)
})
