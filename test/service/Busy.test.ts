import { assert, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import { startInstances } from "./Instances.ts"
import { at, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import type { Service } from "./Service.ts"
import { stopCleanly, useService } from "./UseService.ts"

const setting = useService()

const begin = async (service: Service) => {
  const stream = await service.stream("POST", "/api/v1/query", {
    body: { ...small, prompt: held("Write for long.", "never") }
  })
  await stream.waitFor("init")
  return stream
}

describe("a request for a busy session", () => {
  it("is refused with the run's id, unless told otherwise", async () => {
    const { service } = setting()
    const live = await begin(service)
    for (const on_busy of [undefined, "reject"]) {
      const { body, status } = await service.request("POST", `/api/v1/sessions/${live.sessionId}/resume`, {
        body: { ...small, prompt: "Next.", ...(on_busy === undefined ? {} : { on_busy }) }
      })
      assert.deepEqual([status, at(body, "error.error_id")], [409, "ERR_SESSION_BUSY"])
      assert.strictEqual(at(body, "error.details.run_id"), live.runId)
    }
    for (const on_busy of ["wait", true]) {
      const { status } = await service.request("POST", `/api/v1/sessions/${live.sessionId}/resume`, {
        body: { ...small, prompt: "Next.", on_busy }
      })
      assert.strictEqual(status, 422)
    }
    await service.request("POST", `/api/v1/sessions/${live.sessionId}/interrupt`)
    await live.finished()
  })

  it("takes the place of the live run when it may interrupt", async () => {
    const { service } = setting()
    const live = await begin(service)
    const next = await service.stream("POST", `/api/v1/query`, {
      body: { ...small, session_id: live.sessionId, prompt: scripted("Next.", { recall: true }), on_busy: "interrupt" }
    })
    await Promise.all([live.finished(), next.finished()])
    assert.strictEqual(at(live.first("done").data, "reason"), "interrupted")
    assert.strictEqual(at(next.first("done").data, "reason"), "completed")
    // Their events do not overlap: the second run began after the first one's end.
    assert.strictEqual(Number(next.first("init").id), Number(live.first("done").id) + 1)
  })

  it("interrupts nothing when it is repeated", async () => {
    const { model, service } = setting()
    const first = await service.request("POST", "/api/v1/query/single", { body: { ...small, prompt: "Hello." } })
    const session = textAt(first.body, "session_id")
    const ask = () =>
      service.request("POST", `/api/v1/sessions/${session}/resume`, {
        body: { ...small, prompt: held("Once.", "repeated"), background: true, on_busy: "interrupt" },
        headers: { "idempotency-key": "interrupting" }
      })
    const asked = await ask()
    const again = await ask()
    assert.deepEqual([asked.status, again.status], [202, 202])
    assert.strictEqual(at(again.body, "id"), at(asked.body, "id"))
    model.open("repeated")
    const events = await service.stream("GET", `/api/v1/runs/${textAt(asked.body, "id")}/events`)
    await events.finished()
    assert.strictEqual(at(events.first("done").data, "reason"), "completed")
  })

  it("of several that may interrupt, every one ends, and one run is live at a time", async () => {
    const { database, service } = setting()
    const live = await begin(service)
    const answers = await Promise.all(
      [1, 2, 3].map((number) =>
        service.request("POST", `/api/v1/sessions/${live.sessionId}/resume`, {
          body: { ...small, prompt: `Next ${number}.`, background: true, on_busy: "interrupt" }
        })
      )
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202, 202]
    )
    for (const { body } of answers) {
      const events = await service.stream("GET", `/api/v1/runs/${textAt(body, "id")}/events`)
      await events.finished()
      assert.strictEqual(events.names.at(-1), "done")
    }
    const overlaps = await rowsOf(
      database,
      `SELECT 1 FROM runs a JOIN runs b ON a.session_id = b.session_id AND a.id <> b.id
       WHERE a.session_id = $1 AND a.start_seq < b.last_seq AND b.start_seq < a.last_seq`,
      [live.sessionId]
    )
    assert.deepEqual(overlaps, [])
  })
})

describe("a run on another instance", () => {
  it("is interrupted there, or its death is waited for", async () => {
    const { model } = setting()
    const { database, one, two, ...instances } = await startInstances(model.url)
    const take = async (session: string) => {
      const next = await two.stream("POST", `/api/v1/sessions/${session}/resume`, {
        body: { ...small, prompt: "Next.", on_busy: "interrupt" }
      })
      await next.finished()
      assert.strictEqual(at(next.first("done").data, "reason"), "completed")
    }
    const elsewhere = await begin(one)
    await take(elsewhere.sessionId)
    await elsewhere.finished()
    assert.strictEqual(at(elsewhere.first("done").data, "reason"), "interrupted")

    const orphaned = await begin(one)
    const entries = "SELECT 1 FROM transcript_entries WHERE session_id = $1"
    await until("the prompt is in the conversation", async () => {
      const { length } = await rowsOf(database, entries, [orphaned.sessionId])
      return length > 0
    })
    await one.kill9()
    await take(orphaned.sessionId)
    const { body } = await two.request("GET", `/api/v1/runs/${orphaned.runId}`)
    assert.strictEqual(at(body, "status"), "lost")
    await stopCleanly(two)
    await instances.stop()
  })
})
