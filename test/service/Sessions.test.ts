import { randomUUID } from "node:crypto"
import { assert, beforeAll, describe, it } from "vitest"
import { countRows, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

let garden: EventReader
let broken: EventReader
let kitchen: EventReader
let going: EventReader

const query = async (body: Readonly<Record<string, unknown>>) =>
  setting().service.stream("POST", "/api/v1/query", { body: { ...small, ...body } })

beforeAll(async () => {
  garden = await query({ prompt: "Plant.", title: "Plan of the Garden", mode: "brainstorm", tags: ["red", "blue"] })
  await garden.finished()
  broken = await query({ prompt: scripted("Break.", { error: "billing" }), title: "100% broken", tags: ["red"] })
  await broken.finished()
  kitchen = await query({ prompt: "Cook.", title: "kitchen_plan", tags: ["blue"] })
  await kitchen.finished()
  going = await query({ prompt: held("Go.", "session-list") })
})

const listed = async (parameters: string): Promise<ReadonlyArray<string>> => {
  const { body, status, text } = await setting().service.request("GET", `/api/v1/sessions${parameters}`)
  assert.strictEqual(status, 200, text)
  assert.strictEqual(at(body, "has_more"), false)
  return listAt(body, "sessions").map((session) => textAt(session, "id"))
}

const idsOf = (...streams: ReadonlyArray<EventReader>) => streams.map(({ sessionId }) => sessionId)

describe("the list of sessions", () => {
  it("is newest first", async () => {
    assert.deepEqual(await listed(""), idsOf(going, kitchen, broken, garden))
  })

  it("comes in pages", async () => {
    const found: Array<string> = []
    const sizes: Array<number> = []
    for (let cursor: unknown = ""; typeof cursor === "string";) {
      const { body } = await setting().service.request(
        "GET",
        `/api/v1/sessions?page_size=3${cursor && `&cursor=${cursor}`}`
      )
      const page = listAt(body, "sessions").map((session) => textAt(session, "id"))
      found.push(...page)
      sizes.push(page.length)
      cursor = at(body, "next_cursor")
      assert.strictEqual(at(body, "has_more"), cursor !== null)
    }
    assert.deepEqual(sizes, [3, 1])
    assert.deepEqual(found, idsOf(going, kitchen, broken, garden))
  })

  it("keeps its place while sessions come and go", async () => {
    const { database, service } = setting()
    const { body } = await service.request("GET", "/api/v1/sessions?page_size=2")
    await rowsOf(
      database,
      `INSERT INTO sessions (id, tenant_id, cwd, title) SELECT $1, tenant_id, '/', 'new' FROM sessions LIMIT 1`,
      [randomUUID()]
    )
    const rest = await listed(`?page_size=2&cursor=${textAt(body, "next_cursor")}`)
    await rowsOf(database, "DELETE FROM sessions WHERE title = 'new'")
    assert.deepEqual(rest, idsOf(broken, garden))
  })

  it("can be filtered by mode", async () => {
    assert.deepEqual(await listed("?mode=brainstorm"), idsOf(garden))
    assert.deepEqual(await listed("?mode=code"), idsOf(going, kitchen, broken))
  })

  it("can be filtered by status", async () => {
    assert.deepEqual(await listed("?status=active"), idsOf(going))
    assert.deepEqual(await listed("?status=completed"), idsOf(kitchen, garden))
    assert.deepEqual(await listed("?status=error"), idsOf(broken))
  })

  it("can be filtered by tags, all of which must be there", async () => {
    assert.deepEqual(await listed("?tags=red"), idsOf(broken, garden))
    assert.deepEqual(await listed("?tags=red&tags=blue"), idsOf(garden))
    assert.deepEqual(await listed("?tags=green"), [])
  })

  it("can be filtered by time", async () => {
    const { body } = await setting().service.request("GET", `/api/v1/sessions/${broken.sessionId}`)
    const moment = encodeURIComponent(textAt(body, "created_at"))
    assert.deepEqual(await listed(`?created_after=${moment}`), idsOf(going, kitchen, broken))
    assert.deepEqual(await listed(`?created_before=${moment}`), idsOf(garden))
    assert.deepEqual(await listed(`?created_after=${moment}&created_before=${moment}`), [])
  })

  it("can be searched by a part of the title, in either case, with % and _ meaning themselves", async () => {
    assert.deepEqual(await listed("?search=PLAN"), idsOf(kitchen, garden))
    assert.deepEqual(await listed("?search=100%25"), idsOf(broken))
    assert.deepEqual(await listed("?search=n_p"), idsOf(kitchen))
    assert.deepEqual(await listed("?search=garden&mode=code"), [])
  })

  it("refuses what is no page, no filter or no cursor, and names it", async () => {
    const wrong: ReadonlyArray<readonly [string, string]> = [
      ["page_size=0", "query.page_size"],
      ["page_size=101", "query.page_size"],
      ["page_size=ten", "query.page_size"],
      ["cursor=nonsense", "query.cursor"],
      ["mode=plan", "query.mode"],
      ["status=gone", "query.status"],
      ["search=", "query.search"],
      ["colour=red", "query.colour"]
    ]
    for (const [parameter, path] of wrong) {
      const { body, status } = await setting().service.request("GET", `/api/v1/sessions?${parameter}`)
      assert.deepEqual([status, at(body, "error.details.issues.0.path")], [422, path], parameter)
    }
    const { body, status } = await setting().service.request("GET", "/api/v1/sessions?created_after=yesterday")
    assert.deepEqual([status, at(body, "error.error_id")], [422, "ERR_DATETIME_PARSE"])
  })
})

describe("a session", () => {
  it("is read as it is", async () => {
    const { body, status } = await setting().service.request("GET", `/api/v1/sessions/${garden.sessionId}`)
    assert.strictEqual(status, 200)
    const { created_at, updated_at, last_message_at, total_cost_usd, ...rest } = Object(body)
    for (const moment of [created_at, updated_at, last_message_at]) {
      assert.match(moment, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
    assert.isAbove(total_cost_usd, 0)
    assert.deepEqual(rest, {
      id: garden.sessionId,
      status: "completed",
      mode: "brainstorm",
      title: "Plan of the Garden",
      model: "sonnet",
      tags: ["red", "blue"],
      metadata: {},
      parent_session_id: null,
      project_id: null,
      budget_usd: null,
      total_turns: 1,
      cost_unknown: false,
      transcript_complete: true
    })
  })

  it("can be given another title, metadata and tags, and the next reader sees them", async () => {
    const { service } = setting()
    const path = `/api/v1/sessions/${garden.sessionId}`
    const metadata = { nested: { list: [1, null, "\u{1F33B}"] } }
    const patched = await service.request("PATCH", path, { body: { title: "Beds", metadata } })
    assert.strictEqual(patched.status, 200)
    assert.deepInclude(patched.body, { title: "Beds", metadata, tags: ["red", "blue"] })
    assert.deepInclude((await service.request("GET", path)).body, { title: "Beds", metadata })
    const tagged = await service.request("PATCH", `${path}/tags`, { body: { tags: ["green"] } })
    assert.deepInclude(tagged.body, { tags: ["green"], title: "Beds" })
    assert.deepEqual(await listed("?tags=green"), idsOf(garden))
    const cleared = await service.request("PATCH", path, { body: { title: null } })
    assert.deepInclude(cleared.body, { title: null, metadata })
    assert.deepInclude((await service.request("GET", path)).body, { title: null, tags: ["green"] })
  })

  it("cannot be deleted, or go on twice, while a run goes on", async () => {
    const { model, service } = setting()
    const path = `/api/v1/sessions/${going.sessionId}`
    const before = await countRows(setting().database)
    const deleted = await service.request("DELETE", path)
    assert.deepEqual([deleted.status, at(deleted.body, "error.error_id")], [409, "ERR_SESSION_BUSY"])
    assert.strictEqual(at(deleted.body, "error.details.run_id"), going.runId)
    const resumed = await service.request("POST", `${path}/resume`, { body: { ...small, prompt: "More." } })
    assert.deepEqual([resumed.status, at(resumed.body, "error.error_id")], [409, "ERR_SESSION_BUSY"])
    assert.deepEqual((await countRows(setting().database))["runs"], before["runs"])
    model.open("session-list")
    await going.finished()
    assert.strictEqual(at(going.first("done").data, "reason"), "completed")
  })

  it("goes on by session_id in a query too", async () => {
    const stream = await query({ prompt: scripted("More.", { recall: true }), session_id: kitchen.sessionId })
    await stream.finished()
    assert.strictEqual(stream.sessionId, kitchen.sessionId)
    assert.strictEqual(at(stream.first("result").data, "result"), "Before this you said: [0] Cook.")
  })

  it("is gone with all that belongs to it once it is deleted", async () => {
    const { database, service } = setting()
    const path = `/api/v1/sessions/${kitchen.sessionId}`
    const { status, text } = await service.request("DELETE", path)
    assert.deepEqual([status, text], [204, ""])
    for (const [method, rest] of [
      ["GET", ""],
      ["GET", "/messages"],
      ["DELETE", ""]
    ] as const) {
      const answer = await service.request(method, path + rest)
      assert.deepEqual([answer.status, at(answer.body, "error.error_id")], [404, "ERR_SESSION_NOT_FOUND"], rest)
    }
    const run = await service.request("GET", `/api/v1/runs/${kitchen.runId}`)
    assert.deepEqual([run.status, at(run.body, "error.error_id")], [404, "ERR_RUN_NOT_FOUND"])
    for (const table of ["run_events", "transcript_entries", "runs"]) {
      const rows = await rowsOf(database, `SELECT 1 FROM ${table} WHERE session_id = $1`, [kitchen.sessionId])
      assert.lengthOf(rows, 0, table)
    }
  })
})
