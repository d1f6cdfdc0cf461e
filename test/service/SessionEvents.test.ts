import { randomUUID } from "node:crypto"
import { assert, beforeAll, describe, it } from "vitest"
import type { EventReader } from "./EventReader.ts"
import { at, textAt } from "./Json.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

const follow = (session: string, query = "", headers: Readonly<Record<string, string>> = {}) =>
  setting().service.stream("GET", `/api/v1/sessions/${session}/events${query}`, { headers })

describe("a session's events", () => {
  let first: EventReader
  let second: EventReader
  let beside: EventReader

  beforeAll(async () => {
    const { model, service } = setting()
    first = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: scripted("One.", { text: "First." }), include_partial_messages: true }
    })
    await first.finished()
    second = await service.stream("POST", `/api/v1/sessions/${first.sessionId}/resume`, {
      body: { ...small, prompt: held("Two.", "second"), include_partial_messages: true }
    })
    await second.waitFor("partial")
    beside = await follow(first.sessionId)
    await beside.waitFor(({ id }) => Number(id) > Number(second.first("init").id))
    assert.isUndefined(beside.end)
    model.open("second")
    await Promise.all([second.finished(), beside.finished()])
  })

  const whole = () => first.eventText + second.eventText
  const last = () => Number(second.events.at(-1)?.id)

  it("are those of all its runs, following the one that goes on, and end with it", () => {
    assert.strictEqual(beside.end, "complete")
    assert.strictEqual(beside.frames[0]?.text, "retry: 1000\nid: 0\n\n")
    assert.strictEqual(beside.eventText, whole())
  })

  it("are replayed byte for byte, from any event on", async () => {
    for (const after of [0, 1, Number(first.events.at(-1)?.id), last() - 1]) {
      const reader = await follow(first.sessionId, `?after=${after}`)
      await reader.finished()
      const rest = [...first.events, ...second.events].filter(({ id }) => Number(id) > after)
      assert.strictEqual(reader.eventText, rest.map(({ text }) => text).join(""), `after ${after}`)
    }
    const reader = await follow(first.sessionId, "?after=1", { "last-event-id": String(last() - 2) })
    await reader.finished()
    assert.deepEqual(reader.names, second.names.slice(-2))
  })

  it("are 204 for who has seen all of them", async () => {
    const { status, text } = await setting().service.request(
      "GET",
      `/api/v1/sessions/${first.sessionId}/events?after=${last()}`
    )
    assert.deepEqual([status, text], [204, ""])
  })

  it("wait for more where a run goes on and there is nothing yet", async () => {
    const { model, service } = setting()
    const run = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Wait.", "third") } })
    await run.waitFor(({ event, data }) => event === "message" && at(data, "type") === "user")
    const reader = await follow(run.sessionId, `?after=${run.events.at(-1)?.id}`)
    model.open("third")
    await Promise.all([reader.finished(), run.finished()])
    assert.deepEqual(reader.names, ["message", "result", "done"])
  })

  it("of a fork are its own, from 1 on", async () => {
    const { service } = setting()
    const fork = await service.stream("POST", `/api/v1/sessions/${first.sessionId}/fork`, {
      body: { ...small, prompt: "Aside." }
    })
    await fork.finished()
    const reader = await follow(fork.sessionId)
    await reader.finished()
    assert.strictEqual(reader.eventText, fork.eventText)
    assert.strictEqual(reader.events[0]?.id, "1")
  })

  it("do not take a cursor that the session has not reached", async () => {
    const { body, status } = await setting().service.request(
      "GET",
      `/api/v1/sessions/${first.sessionId}/events?after=${last() + 1}`
    )
    assert.strictEqual(status, 422)
    assert.strictEqual(at(body, "error.error_id"), "ERR_VALIDATION")
    for (const after of ["-1", "x", "1.5"]) {
      const bad = await setting().service.request("GET", `/api/v1/sessions/${first.sessionId}/events?after=${after}`)
      assert.strictEqual(bad.status, 422, after)
    }
  })

  it("of another tenant or of nobody do not exist", async () => {
    const { service } = setting()
    const other = await service.request("POST", "/api/v1/tenants", { body: { name: "other" } })
    const foreign = await service.request("GET", `/api/v1/sessions/${first.sessionId}/events`, {
      key: textAt(other.body, "api_key.key")
    })
    const unknown = await service.request("GET", `/api/v1/sessions/${randomUUID()}/events?after=3`)
    for (const { body, status } of [foreign, unknown]) {
      assert.deepEqual([status, at(body, "error.error_id")], [404, "ERR_SESSION_NOT_FOUND"])
    }
    const malformed = await service.request("GET", "/api/v1/sessions/none/events")
    assert.strictEqual(malformed.status, 422)
  })
})
