import { assert, describe, it } from "vitest"
import { freshDatabase, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { listAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import { startService } from "./Service.ts"
import { stopCleanly, useModel, useService } from "./UseService.ts"

const setting = useService({ env: { DELTA_RETENTION: "2 seconds" } })
const model = useModel()

const countOf = async (database: string, where: string, values: ReadonlyArray<unknown>) =>
  (await rowsOf(database, `SELECT 1 FROM run_events WHERE ${where}`, values)).length

const body = {
  ...small,
  prompt: scripted("Slowly.", { text: "one two three", chunk: 4 }),
  include_partial_messages: true
}

describe("deltas whose time is over", () => {
  it("are removed, and a reader in the middle of them is told where to go on", async () => {
    const { database, service } = setting()
    const live = await service.stream("POST", "/api/v1/query", { body })
    await live.finished()
    const partials = live.all("partial")
    assert.isAbove(partials.length, 3)
    await until("no delta is left", async () => {
      const where = "session_id = $1 AND event = 'partial'"
      return (await countOf(database, where, [live.sessionId])) === 0
    })
    const rest = live.events.filter(({ event }) => event !== "partial")
    const firstKept = (after: number) => Number(rest.find(({ id }) => Number(id) > after)?.id)

    for (const path of [`runs/${live.runId}`, `sessions/${live.sessionId}`]) {
      const follow = async (after: number) => {
        const reader: EventReader = await service.stream("GET", `/api/v1/${path}/events`, {
          headers: { "last-event-id": String(after) }
        })
        await reader.finished()
        return reader
      }
      const cut = Number(partials[1]?.id)
      const resumed = await follow(cut)
      assert.deepEqual(resumed.events[0]?.data, { reason: "deltas_removed", first_kept: firstKept(cut) })
      assert.strictEqual(resumed.names[0], "resync")
      assert.strictEqual(resumed.events[0]?.id, String(firstKept(cut) - 1))
      const after = rest.filter(({ id }) => Number(id) > cut).map(({ text }) => text)
      assert.deepEqual(
        resumed.events.slice(1).map(({ text }) => text),
        after
      )
      // Who has seen the last of them misses nothing, and who begins needs none.
      const seen = await follow(Number(partials.at(-1)?.id))
      assert.notInclude(seen.names, "resync")
      const whole = await follow(0)
      assert.strictEqual(whole.eventText, rest.map(({ text }) => text).join(""))
    }
  })
})

describe("events whose time is over", () => {
  it("are removed where that was asked for, and the session can be resumed nevertheless", async () => {
    const database = await freshDatabase()
    const service = await startService({ database, model: model().url, env: { EVENT_RETENTION: "3 seconds" } })
    const live = await service.stream("POST", "/api/v1/query", { body })
    await live.finished()
    await until("no event is left", async () => (await countOf(database, "session_id = $1", [live.sessionId])) === 0)

    for (const path of [`runs/${live.runId}`, `sessions/${live.sessionId}`]) {
      const reader = await service.stream("GET", `/api/v1/${path}/events`)
      await reader.finished()
      assert.deepEqual(reader.names, ["resync"])
      assert.deepEqual(reader.events[0]?.data, { reason: "events_removed", first_kept: null })
      // The cursor that came with it is that of a reader who has seen all: a browser comes back once and stops.
      const headers = { "last-event-id": String(reader.events[0]?.id) }
      const again = await service.request("GET", `/api/v1/${path}/events`, { headers })
      assert.strictEqual(again.status, 204)
    }
    const { body: messages } = await service.request("GET", `/api/v1/sessions/${live.sessionId}/messages`)
    assert.deepEqual(listAt(messages, "messages"), [])

    const next = await service.stream("POST", `/api/v1/sessions/${live.sessionId}/resume`, {
      body: { ...small, prompt: scripted("Again.", { recall: true }) }
    })
    await next.finished()
    assert.include(next.eventText, "[0] Slowly.")
    assert.strictEqual(Number(next.events[0]?.id), Number(live.events.at(-1)?.id) + 1)
    const session = await service.stream("GET", `/api/v1/sessions/${live.sessionId}/events?after=2`)
    await session.finished()
    assert.strictEqual(session.names[0], "resync")
    assert.strictEqual(session.eventText.slice(session.events[0]?.text.length), next.eventText)
    await stopCleanly(service)
  })
})
