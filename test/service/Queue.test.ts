import { assert, describe, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import type { RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({
  env: { DISCONNECT_GRACE: "2 seconds", MAX_QUEUED_PER_SESSION: "3", MAX_QUEUED_PER_TENANT: "4" }
})

const post = (path: string, body: object = {}, headers: RequestOptions["headers"] = {}) =>
  setting().service.request("POST", `/api/v1${path}`, { body, headers })

const begin = async (gate: string) => {
  const stream = await setting().service.stream("POST", "/api/v1/query", {
    body: { ...small, prompt: held("Write for long.", gate) },
    headers: { "idempotency-key": `first-${gate}` }
  })
  await stream.waitFor("init")
  return stream
}

const queued = (session: string, prompt: string, more: object = {}, headers: RequestOptions["headers"] = {}) =>
  post(`/sessions/${session}/resume`, { ...small, prompt, on_busy: "queue", background: true, ...more }, headers)

const ended = (run: string) =>
  eventually("the run has ended", async () => {
    const { body } = await setting().service.request("GET", `/api/v1/runs/${run}`)
    return at(body, "ended_at") === null ? undefined : body
  })

describe("runs that wait for their session", () => {
  it("begin in the order in which they came, each when the one before has ended", async () => {
    const { database, model, service } = setting()
    const live = await begin("order")
    const answers = [
      await queued(live.sessionId, scripted("One.", { recall: true })),
      await queued(live.sessionId, "Two."),
      await queued(live.sessionId, scripted("Three.", { recall: true }))
    ]
    for (const { body, status } of answers) {
      assert.strictEqual(status, 202)
      assert.deepInclude(body, { status: "queued", ended_at: null, session_id: live.sessionId })
    }
    const runs = answers.map(({ body }) => textAt(body, "id"))
    const full = await queued(live.sessionId, "Four.")
    assert.deepEqual([full.status, at(full.body, "error.error_id")], [429, "ERR_QUEUE_FULL"])
    assert.strictEqual(at(full.body, "error.details.limit"), 3)
    assert.match(full.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    // Who does not want to wait is told of the one at work.
    const busy = await post(`/sessions/${live.sessionId}/resume`, { ...small, prompt: "Now." })
    assert.deepEqual([busy.status, at(busy.body, "error.details.run_id")], [409, live.runId])
    assert.strictEqual((await service.request("DELETE", `/api/v1/sessions/${live.sessionId}`)).status, 409)

    const reader = await service.stream("GET", `/api/v1/runs/${runs[2]}/events`)
    const status = await reader.waitFor("status")
    assert.deepInclude(status.data, { status: "queued", run_id: runs[2], session_id: live.sessionId })
    const all = await service.stream("GET", `/api/v1/sessions/${live.sessionId}/events`)
    model.open("order")
    await Promise.all([live.finished(), reader.finished(), all.finished()])
    for (const run of runs) assert.strictEqual(at(await ended(run), "status"), "completed")
    const order = await rowsOf(
      database,
      "SELECT id, start_seq::int, last_seq::int FROM runs WHERE session_id = $1 ORDER BY start_seq",
      [live.sessionId]
    )
    assert.deepEqual(
      order.map((row) => row["id"]),
      [live.runId, ...runs]
    )
    for (const [index, row] of order.entries()) {
      assert.strictEqual(row["start_seq"], index === 0 ? 0 : order[index - 1]?.["last_seq"])
    }
    // A reader of the whole session has seen all of it, and what is replayed has no word of the queue.
    assert.deepEqual(
      all.events.map(({ id }) => Number(id)),
      all.events.map((_, index) => index + 1)
    )
    assert.include(textAt(reader.first("result").data, "result"), "[1] One. [2] Two.")
    const replay = await service.stream("GET", `/api/v1/runs/${runs[2]}/events`)
    await replay.finished()
    assert.strictEqual(replay.eventText, reader.eventText.slice(status.text.length))
    assert.deepEqual(await rowsOf(database, "SELECT 1 FROM run_orders"), [])
  })

  it("are bounded for a tenant, over all its sessions", async () => {
    const { database, model } = setting()
    const [one, two] = await Promise.all([begin("bound"), begin("bound-2")])
    const answers = await Promise.all(
      [one, one, two, two, two].map((live, index) => queued(live.sessionId, `Number ${index}.`))
    )
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [202, 202, 202, 202, 429])
    const refused = answers.find(({ status }) => status === 429)
    assert.strictEqual(at(refused?.body, "error.details.limit"), 4)
    for (const { body, status } of answers) {
      if (status === 202) assert.strictEqual((await post(`/runs/${textAt(body, "id")}/interrupt`)).status, 200)
    }
    model.open("bound")
    model.open("bound-2")
    await Promise.all([one.finished(), two.finished()])
    const live = await rowsOf(database, "SELECT 1 FROM runs WHERE status IN ('queued', 'running')")
    assert.deepEqual(live, [])
  })

  it("can be taken out of the queue, and their readers are told", async () => {
    const { database, model, service } = setting()
    const live = await begin("cancel")
    const { body } = await queued(live.sessionId, "Never.")
    const run = textAt(body, "id")
    const reader = await service.stream("GET", `/api/v1/runs/${run}/events`)
    await reader.waitFor("status")
    const interrupted = await post(`/runs/${run}/interrupt`)
    assert.deepEqual(interrupted.body, { status: "interrupted", session_id: live.sessionId, run_id: run })
    await reader.finished()
    assert.deepEqual(reader.names, ["status", "result", "done"])
    assert.strictEqual(at(reader.first("done").data, "reason"), "interrupted")
    assert.deepInclude(reader.first("result").data, { num_turns: 0, total_cost_usd: 0, result: null })
    assert.isUndefined(reader.first("done").id)
    assert.deepInclude(await ended(run), { status: "interrupted", num_turns: 0, total_cost_usd: 0 })

    const again = await post(`/runs/${run}/interrupt`)
    assert.deepEqual([again.status, at(again.body, "error.error_id")], [409, "ERR_RUN_OVER"])
    // Who comes late finds the same end; who has seen it, nothing more.
    const late = await service.stream("GET", `/api/v1/runs/${run}/events`)
    await late.finished()
    assert.deepEqual(late.names, ["result", "done"])
    const { status } = await service.request("GET", `/api/v1/runs/${run}/events`, {
      headers: { "last-event-id": String(at(body, "start_seq")) }
    })
    assert.strictEqual(status, 204)
    assert.isUndefined(live.end)
    // The run at work is interrupted like any other.
    assert.strictEqual((await post(`/runs/${live.runId}/interrupt`)).status, 200)
    await live.finished()
    assert.strictEqual(at(live.first("done").data, "reason"), "interrupted")
    const orders = await rowsOf(database, "SELECT 1 FROM run_orders")
    assert.deepEqual(orders, [])
    model.open("cancel")
  })

  it("give their requests a stream at once, a single answer at their end, and go when their clients do", async () => {
    const { model, service } = setting()
    const live = await begin("clients")
    const path = `/api/v1/sessions/${live.sessionId}/resume`
    const left = await service.stream("POST", path, { body: { ...small, prompt: "Left alone.", on_busy: "queue" } })
    const leftRun = textAt((await left.waitFor("status")).data, "run_id")
    const stays = await service.stream("POST", path, { body: { ...small, prompt: "Stays.", on_busy: "queue" } })
    await stays.waitFor("status")
    const single = post("/query/single", {
      ...small,
      session_id: live.sessionId,
      prompt: scripted("Single.", { text: "Single answer." }),
      on_busy: "queue"
    })
    left.close()
    assert.deepInclude(await ended(leftRun), { status: "interrupted", error: null })
    assert.isUndefined(stays.end)
    model.open("clients")
    await Promise.all([live.finished(), stays.finished()])
    assert.deepEqual(stays.names.slice(0, 2), ["status", "init"])
    assert.strictEqual(at(stays.first("done").data, "reason"), "completed")
    const answer = await single
    assert.deepEqual([answer.status, at(answer.body, "result")], [200, "Single answer."])
  })

  it("are one run, however often they are asked for with one Idempotency-Key", async () => {
    const { model, service } = setting()
    const live = await begin("repeated")
    const headers = { "idempotency-key": "queue-once" }
    const ask = () => queued(live.sessionId, "Once.", {}, headers)
    const answers = await Promise.all([ask(), ask(), ask()])
    assert.strictEqual(new Set(answers.map(({ body }) => textAt(body, "id"))).size, 1)
    const other = await queued(live.sessionId, "Other.", {}, headers)
    assert.strictEqual(other.status, 422)
    model.open("repeated")
    const run = textAt(answers[0]?.body, "id")
    assert.strictEqual(at(await ended(run), "status"), "completed")
    await live.finished()
    const { body } = await ask()
    assert.deepInclude(body, { id: run, status: "completed" })
    const { body: session } = await service.request("GET", `/api/v1/sessions/${live.sessionId}`)
    assert.strictEqual(at(session, "total_turns"), 2)
  })

  it("are interrupted with the live run by a request that may interrupt", async () => {
    const { model, service } = setting()
    const live = await begin("taken")
    const waiting = [await queued(live.sessionId, "One."), await queued(live.sessionId, "Two.")]
    const next = await service.stream("POST", `/api/v1/sessions/${live.sessionId}/resume`, {
      body: { ...small, prompt: "Mine.", on_busy: "interrupt" }
    })
    await next.finished()
    assert.strictEqual(at(next.first("done").data, "reason"), "completed")
    for (const { body } of waiting) assert.strictEqual(at(await ended(textAt(body, "id")), "status"), "interrupted")
    assert.strictEqual(at(await ended(live.runId), "status"), "interrupted")
    model.open("taken")
    await untilNoAgents(service.dataDir)
    await until("nothing is live", async () => {
      const rows = await rowsOf(setting().database, "SELECT 1 FROM runs WHERE ended_at IS NULL")
      return rows.length === 0
    })
  })
})
