import { assert, describe, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { countRows, rowsOf } from "./Database.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import type { RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { DISCONNECT_GRACE: "2 seconds" } })

const post = (path: string, body: object, headers: RequestOptions["headers"] = {}) =>
  setting().service.request("POST", `/api/v1${path}`, { body: { ...small, ...body }, headers })

const ended = (run: string) =>
  eventually("the run has ended", async () => {
    const { body } = await setting().service.request("GET", `/api/v1/runs/${run}`)
    return at(body, "ended_at") === null ? undefined : body
  })

describe("a run in the background", () => {
  it("is answered at once, and any number of readers see the same bytes later", async () => {
    const { model, service } = setting()
    const { body, headers, status } = await post("/query", {
      prompt: held("Take your time.", "background"),
      background: true
    })
    assert.strictEqual(status, 202)
    const run = textAt(body, "id")
    assert.strictEqual(headers.get("location"), `/api/v1/runs/${run}`)
    assert.deepInclude(body, { status: "running", start_seq: 0, ended_at: null, error: null })
    const orders = () => rowsOf(setting().database, "SELECT sealed FROM run_orders WHERE run_id = $1", [run])
    const [order] = await orders()
    assert.match(String(order?.["sealed"]), /^v1\.[^.]+\.[\w-]+$/)
    const readers = await Promise.all([1, 2, 3].map(() => service.stream("GET", `/api/v1/runs/${run}/events`)))
    await Promise.all(readers.map((reader) => reader.waitFor("init")))
    model.open("background")
    await Promise.all(readers.map((reader) => reader.finished()))
    const [first, ...others] = readers.map(({ eventText }) => eventText)
    assert.deepEqual(
      others,
      others.map(() => first)
    )
    assert.strictEqual(at(await ended(run), "status"), "completed")
    assert.deepEqual(await orders(), [])
  })

  it("goes on without a reader for longer than DISCONNECT_GRACE", async () => {
    const { model } = setting()
    const { body } = await post("/query/single", { prompt: held("Slowly.", "unread"), background: true })
    await new Promise((resolve) => setTimeout(resolve, 4500))
    const { body: meanwhile } = await setting().service.request("GET", `/api/v1/runs/${textAt(body, "id")}`)
    assert.strictEqual(at(meanwhile, "status"), "running")
    model.open("unread")
    assert.strictEqual(at(await ended(textAt(body, "id")), "status"), "completed")
  })

  it("is interrupted without a reader when that was asked for", async () => {
    const { body } = await post("/query", {
      prompt: held("Slowly.", "never"),
      background: true,
      on_disconnect: "cancel"
    })
    assert.strictEqual(at(await ended(textAt(body, "id")), "status"), "interrupted")
    await untilNoAgents(setting().service.dataDir)
  })

  it("can be the next turn of a session, and a fork of it", async () => {
    const first = await post("/query/single", { prompt: scripted("Once.", { text: "One." }) })
    const session = textAt(first.body, "session_id")
    const next = await post(`/sessions/${session}/resume`, { prompt: "Twice.", background: true })
    assert.strictEqual(next.status, 202)
    assert.strictEqual(at(next.body, "session_id"), session)
    await ended(textAt(next.body, "id"))
    const fork = await post(`/sessions/${session}/fork`, { prompt: "Aside.", background: true })
    assert.strictEqual(fork.status, 202)
    assert.notStrictEqual(at(fork.body, "session_id"), session)
    assert.strictEqual(at(await ended(textAt(fork.body, "id")), "status"), "completed")
  })

  it("tells in the run what went wrong before the agent was ready, and in the log", async () => {
    const { database, service } = setting()
    const { body } = await post("/query/single", { prompt: scripted("Once.", { text: "One." }) })
    const session = textAt(body, "session_id")
    await rowsOf(database, "DELETE FROM transcript_entries WHERE session_id = $1", [session])
    const { body: run, status } = await post(`/sessions/${session}/resume`, { prompt: "Again.", background: true })
    assert.strictEqual(status, 202)
    const over = await ended(textAt(run, "id"))
    assert.deepInclude(over, { status: "failed" })
    assert.strictEqual(at(over, "error.error_id"), "ERR_TRANSCRIPT_MISSING")
    const replay = await service.stream("GET", `/api/v1/runs/${textAt(run, "id")}/events`)
    await replay.finished()
    assert.deepEqual(replay.names, ["error", "done"])
    const lines = service.logs().filter((line) => line["error_id"] === "ERR_TRANSCRIPT_MISSING")
    assert.strictEqual(lines.length, 1)
    assert.strictEqual(lines[0]?.["run_id"], textAt(run, "id"))
  })

  it("with an Idempotency-Key is one run, however often it is asked for", async () => {
    const headers = { "idempotency-key": "background-once" }
    const body = { prompt: scripted("Once only.", { text: "Done." }), background: true }
    const answers = await Promise.all([1, 2, 3].map(() => post("/query", body, headers)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202, 202]
    )
    assert.strictEqual(new Set(answers.map(({ body }) => at(body, "id"))).size, 1)
    const over = await ended(textAt(answers[0]?.body, "id"))
    const again = await post("/query", body, headers)
    assert.deepEqual([again.status, again.body], [202, over])
  })
})

describe("on_disconnect", () => {
  it("continue is refused where the run could not be found again", async () => {
    const { database } = setting()
    const before = await countRows(database)
    for (const path of ["/query", "/query/single"]) {
      const { body, status } = await post(path, { prompt: "Hello.", on_disconnect: "continue" })
      assert.strictEqual(status, 422)
      assert.strictEqual(at(body, "error.details.issues.0.path"), "body.on_disconnect")
    }
    assert.deepEqual(await countRows(database), before)
  })

  it("takes no other word, and background nothing but a boolean", async () => {
    for (const bad of [{ on_disconnect: "stay" }, { background: "yes" }, { background: null }]) {
      const { body, status } = await post("/query", { prompt: "Hello.", ...bad })
      assert.strictEqual(status, 422, JSON.stringify(bad))
      assert.strictEqual(at(body, "error.error_id"), "ERR_VALIDATION")
    }
  })

  it("cancel interrupts a run with an Idempotency-Key too", async () => {
    const { service } = setting()
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Slowly.", "never"), on_disconnect: "cancel" },
      headers: { "idempotency-key": "cancelled" }
    })
    await stream.waitFor("init")
    stream.close()
    assert.strictEqual(at(await ended(stream.runId), "status"), "interrupted")
  })

  it("continue carries a run with an Idempotency-Key to its end after its reader left", async () => {
    const { model, service } = setting()
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Slowly.", "kept"), on_disconnect: "continue" },
      headers: { "idempotency-key": "continued" }
    })
    await stream.waitFor("init")
    stream.close()
    await new Promise((resolve) => setTimeout(resolve, 4500))
    model.open("kept")
    await until("the run is completed", async () => at(await ended(stream.runId), "status") === "completed")
  })
})
