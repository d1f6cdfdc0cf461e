import { connect } from "node:net"
import { assert, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import { at } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { READER_STALL_TIMEOUT: "1 second" } })

const metric = async (name: string) => {
  const { text } = await setting().service.request("GET", "/metrics", { key: null })
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1])
}

describe("a reader that takes nothing", () => {
  it("is cut, and neither the run nor other readers notice", async () => {
    const { database, model, service } = setting()
    const past = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: scripted("Quickly.", { text: "Done." }) }
    })
    await past.finished()
    // More than the buffers of a connection hold.
    await rowsOf(
      database,
      `INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
       SELECT session_id, last_seq + number, id, tenant_id, 'status',
         json_build_object('status', 'test', 'message', repeat('x', 20000))
       FROM runs, generate_series(1, 1000) number WHERE id = $1`,
      [past.runId]
    )
    await rowsOf(database, "UPDATE runs SET last_seq = last_seq + 1000 WHERE id = $1", [past.runId])
    await rowsOf(database, "UPDATE sessions SET last_seq = last_seq + 1000 WHERE id = $1", [past.sessionId])
    const live = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Slowly.", "live") } })
    await live.waitFor("init")

    const { hostname, port } = new URL(service.url)
    const path = `/api/v1/sessions/${past.sessionId}/events`
    const stalled = connect(Number(port), hostname)
    stalled.on("error", () => undefined)
    stalled.pause()
    stalled.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nX-API-Key: ${service.key}\r\n\r\n`)
    await until("it is cut", async () => (await metric("http_stalled_streams_total")) === 1)
    await until("only the live one is left", async () => (await metric("http_open_streams")) === 1)
    stalled.destroy()

    assert.isUndefined(live.end)
    const whole = await service.stream("GET", path)
    await whole.finished()
    assert.strictEqual(whole.events.length, past.events.length + 1000)
    model.open("live")
    await live.finished()
    assert.strictEqual(at(live.first("done").data, "reason"), "completed")
  })
})
