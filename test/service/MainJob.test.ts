import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, numberAt, textAt } from "./Json.ts"
import { scripted } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

/** The same price for each request to the model, so that costs can be told apart. */
const usage = { input_tokens: 1000, output_tokens: 100, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }

let first: EventReader
let second: EventReader
let forked: EventReader

const costOf = (stream: EventReader) => numberAt(stream.first("result").data, "total_cost_usd")

beforeAll(async () => {
  const { service } = setting()
  first = await service.stream("POST", "/api/v1/query", {
    body: {
      prompt: scripted(
        "Remember the word fig.",
        { text: "Writing. ", tool: "Write", input: { file_path: "note.txt", content: "{{prompt}}" }, usage },
        { tool: "Read", input: { file_path: "note.txt" }, usage },
        { text: "The file says {{last_tool_result}}", usage }
      ),
      permission_mode: "acceptEdits",
      title: "Figs",
      mode: "brainstorm",
      tags: ["fruit"],
      metadata: { ticket: 7 }
    },
    headers: { "x-request-id": "main-job-1" }
  })
  await first.finished()
  second = await service.stream("POST", `/api/v1/sessions/${first.sessionId}/resume`, {
    body: { prompt: scripted("Which word?", { recall: "You told me: ", usage }) }
  })
  await second.finished()
  forked = await service.stream("POST", `/api/v1/sessions/${first.sessionId}/fork`, {
    body: { prompt: scripted("And in the fork?", { recall: "The fork knows: ", usage }) }
  })
  await forked.finished()
})

/** The texts of users in the conversation that the model was sent for a prompt. */
const conversationFor = (prompt: string): string => {
  const found = setting()
    .model.requests()
    .findLast((request) => request.kind === "main" && request.prompt === prompt)
  return JSON.stringify(at(found?.body, "messages"))
}

describe("a query with two tools", () => {
  it("answers with an event stream that nobody may keep or change on its way", () => {
    assert.strictEqual(first.status, 200)
    assert.strictEqual(first.headers.get("content-type"), "text/event-stream")
    assert.strictEqual(first.headers.get("cache-control"), "no-cache, no-transform")
    assert.strictEqual(first.headers.get("x-accel-buffering"), "no")
    assert.strictEqual(first.headers.get("x-request-id"), "main-job-1")
    assert.strictEqual(first.end, "complete")
  })

  it("begins with a frame that only sets the cursor", () => {
    assert.strictEqual(first.frames[0]?.text, "retry: 1000\nid: 0\n\n")
  })

  it("numbers its events from 1 without a gap", () => {
    assert.deepEqual(
      first.events.map(({ id }) => id),
      first.events.map((_, index) => String(index + 1))
    )
  })

  it("keeps to the grammar: init, anything, one result, one done", () => {
    assert.deepEqual(first.names, ["init", ...Array.from({ length: 7 }, () => "message"), "result", "done"])
    const { session_id, run_id, ...done } = Object(first.first("done").data)
    assert.deepEqual({ session_id, run_id }, { session_id: first.sessionId, run_id: first.runId })
    assert.deepEqual(done, { reason: "completed" })
    const result = first.first("result").data
    assert.strictEqual(textAt(result, "session_id"), first.sessionId)
    assert.strictEqual(textAt(result, "run_id"), first.runId)
    assert.strictEqual(at(result, "is_error"), false)
    assert.strictEqual(at(result, "saved"), true)
    assert.strictEqual(at(result, "stop_reason"), "end_turn")
    assert.include(textAt(result, "result"), "The file says")
    assert.include(textAt(result, "result"), "Remember the word fig.")
    assert.deepEqual(at(result, "permission_denials"), [])
  })

  it("shows the prompt, both tool calls with their answers, and the text", () => {
    const blocks = first.all("message").flatMap(({ data }) => listAt(data, "content"))
    assert.deepEqual(
      blocks.map((block) => [at(block, "type"), at(block, "name")]),
      [
        ["text", undefined],
        ["text", undefined],
        ["tool_use", "Write"],
        ["tool_result", undefined],
        ["tool_use", "Read"],
        ["tool_result", undefined],
        ["text", undefined]
      ]
    )
    assert.strictEqual(at(blocks[3], "tool_use_id"), at(blocks[2], "id"))
    assert.strictEqual(at(blocks[5], "tool_use_id"), at(blocks[4], "id"))
    assert.include(textAt(blocks[5], "content"), "Remember the word fig.")
  })

  it("really wrote the file, in the session's own directory", async () => {
    const { database, service } = setting()
    const [session] = await rowsOf(database, "SELECT cwd, tenant_id FROM sessions WHERE id = $1", [first.sessionId])
    const cwd = String(session?.["cwd"])
    assert.strictEqual(cwd, join(service.dataDir, "workspaces", String(session?.["tenant_id"]), first.sessionId))
    assert.strictEqual(await readFile(join(cwd, "note.txt"), "utf8"), "Remember the word fig.")
  })
})

describe("what stands in PostgreSQL afterwards", () => {
  it("the session", async () => {
    const [row] = await rowsOf(setting().database, "SELECT * FROM sessions WHERE id = $1", [first.sessionId])
    assert.deepInclude(row, {
      status: "completed",
      mode: "brainstorm",
      title: "Figs",
      tags: ["fruit"],
      metadata: { ticket: 7 },
      model: "sonnet",
      total_turns: 4,
      cost_unknown: false,
      transcript_complete: true,
      parent_session_id: null
    })
  })

  it("the runs", async () => {
    const { database } = setting()
    const rows = await rowsOf(
      database,
      `SELECT id, status, fence::int, start_seq::int, last_seq::int, num_turns, request_id,
         prompt_preview, error, ended_at > created_at AS ended
       FROM runs WHERE session_id = $1 ORDER BY start_seq`,
      [first.sessionId]
    )
    const [one, two] = rows
    assert.lengthOf(rows, 2)
    assert.deepInclude(one, { id: first.runId, status: "completed", start_seq: 0, last_seq: 10, num_turns: 3 })
    assert.deepInclude(one, { request_id: "main-job-1", error: null, ended: true })
    assert.include(String(one?.["prompt_preview"]), "Remember the word fig.")
    assert.deepInclude(two, { id: second.runId, status: "completed", start_seq: 10, last_seq: 15, num_turns: 1 })
    assert.isAbove(Number(two?.["fence"]), Number(one?.["fence"]))
  })

  it("the events, byte for byte as they were sent", async () => {
    const rows = await rowsOf(
      setting().database,
      "SELECT seq::int, event, data FROM run_events WHERE run_id = $1 ORDER BY seq",
      [first.runId]
    )
    const frames = rows.map(({ data, event, seq }) => `id: ${seq}\nevent: ${event}\ndata: ${data}\n\n`)
    assert.strictEqual(frames.join(""), first.eventText)
  })

  it("the transcript", async () => {
    const rows = await rowsOf(
      setting().database,
      "SELECT entry FROM transcript_entries WHERE session_id = $1 AND subpath = '' ORDER BY position",
      [first.sessionId]
    )
    const texts = rows.map(({ entry }) => JSON.stringify(entry))
    assert.isTrue(texts.some((text) => text.includes("Remember the word fig.")))
    assert.isTrue(texts.some((text) => text.includes("tool_result")))
    assert.isTrue(texts.some((text) => text.includes("Which word?")))
  })

  it("no live lease", async () => {
    const rows = await rowsOf(
      setting().database,
      "SELECT id FROM runs WHERE status IN ('queued', 'running', 'waiting')"
    )
    assert.deepEqual(rows, [])
  })
})

describe("a second turn", () => {
  it("knows the first: the model is sent it", () => {
    const conversation = conversationFor("Which word?")
    assert.include(conversation, "Remember the word fig.")
    assert.include(conversation, "tool_result")
    assert.include(textAt(second.first("result").data, "result"), "[0] Remember the word fig.")
  })

  it("goes on with the session's numbers, as a run of its own", () => {
    assert.strictEqual(second.sessionId, first.sessionId)
    assert.notStrictEqual(second.runId, first.runId)
    assert.strictEqual(second.frames[0]?.text, "retry: 1000\nid: 10\n\n")
    assert.deepEqual(
      second.events.map(({ id }) => id),
      ["11", "12", "13", "14", "15"]
    )
    assert.deepEqual(second.names, ["init", "message", "message", "result", "done"])
  })
})

describe("a fork", () => {
  it("is a session of its own that knows its parent's turns", async () => {
    assert.notStrictEqual(forked.sessionId, first.sessionId)
    const conversation = conversationFor("And in the fork?")
    assert.include(conversation, "Remember the word fig.")
    assert.include(conversation, "Which word?")
    const { body } = await setting().service.request("GET", `/api/v1/sessions/${forked.sessionId}`)
    assert.strictEqual(at(body, "parent_session_id"), first.sessionId)
    assert.strictEqual(at(body, "status"), "completed")
  })

  it("begins to count at 1", () => {
    assert.strictEqual(forked.frames[0]?.text, "retry: 1000\nid: 0\n\n")
    assert.deepEqual(
      forked.events.map(({ id }) => id),
      ["1", "2", "3", "4", "5"]
    )
  })

  it("leaves its parent as it was", () => {
    assert.notInclude(conversationFor("Which word?"), "And in the fork?")
  })
})

describe("costs and turns", () => {
  it("are each run's own, although the SDK counts on", () => {
    assert.isAbove(costOf(second), 0)
    assert.approximately(costOf(first), 3 * costOf(second), 1e-9)
    assert.approximately(costOf(forked), costOf(second), 1e-9)
    assert.deepEqual(
      [first, second, forked].map((stream) => at(stream.first("result").data, "num_turns")),
      [3, 1, 1]
    )
    assert.deepEqual(at(second.first("result").data, "usage"), usage)
  })

  it("add up in the session, and a fork begins at nothing", async () => {
    const { service } = setting()
    const { body: parent } = await service.request("GET", `/api/v1/sessions/${first.sessionId}`)
    const { body: fork } = await service.request("GET", `/api/v1/sessions/${forked.sessionId}`)
    assert.approximately(numberAt(parent, "total_cost_usd"), costOf(first) + costOf(second), 1e-9)
    assert.strictEqual(numberAt(parent, "total_turns"), 4)
    assert.approximately(numberAt(fork, "total_cost_usd"), costOf(forked), 1e-9)
    assert.strictEqual(numberAt(fork, "total_turns"), 1)
  })

  it("stand in the run too", async () => {
    const { body, status } = await setting().service.request("GET", `/api/v1/runs/${second.runId}`)
    assert.strictEqual(status, 200)
    assert.approximately(numberAt(body, "total_cost_usd"), costOf(second), 1e-9)
    const { total_cost_usd, created_at, ended_at, duration_ms, ...run } = Object(body)
    assert.strictEqual(duration_ms, at(second.first("result").data, "duration_ms"))
    const { model_usage } = Object(second.first("result").data)
    assert.deepEqual(Object.values(model_usage), [{ ...usage, total_cost_usd }])
    assert.deepEqual(run, {
      id: second.runId,
      session_id: first.sessionId,
      status: "completed",
      model: "sonnet",
      start_seq: 10,
      last_seq: 15,
      num_turns: 1,
      cost_unknown: false,
      usage,
      model_usage,
      error: null
    })
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.match(ended_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })
})

describe("the history", () => {
  const pages = async (id: string, size: number) => {
    const { service } = setting()
    const messages: Array<unknown> = []
    const sizes: Array<number> = []
    for (let cursor = ""; ;) {
      const { body } = await service.request("GET", `/api/v1/sessions/${id}/messages?page_size=${size}${cursor}`)
      const page = listAt(body, "messages")
      messages.push(...page)
      sizes.push(page.length)
      const next = at(body, "next_cursor")
      assert.strictEqual(at(body, "has_more"), next !== null)
      if (typeof next !== "string") return { messages, sizes }
      cursor = `&cursor=${encodeURIComponent(next)}`
    }
  }

  const place = (message: unknown) => `${textAt(message, "run_id")} ${numberAt(message, "seq")}`
  const placesIn = (stream: EventReader) => stream.all("message").map(({ id }) => `${stream.runId} ${id}`)

  it("has all messages of a session in order, page by page", async () => {
    const { messages, sizes } = await pages(first.sessionId, 4)
    assert.deepEqual(sizes, [4, 4, 1])
    assert.deepEqual(messages.map(place), [...placesIn(first), ...placesIn(second)])
    const [message] = messages
    assert.strictEqual(at(message, "type"), "user")
    assert.include(textAt(message, "content.0.text"), "Remember the word fig.")
  })

  it("of a fork begins with its parent's, across pages", async () => {
    const { messages, sizes } = await pages(forked.sessionId, 4)
    assert.deepEqual(sizes, [4, 4, 3])
    assert.deepEqual(messages.map(place), [...placesIn(first), ...placesIn(second), ...placesIn(forked)])
    assert.deepEqual(
      messages.map((message) => at(message, "session_id")),
      [...Array.from({ length: 9 }, () => first.sessionId), forked.sessionId, forked.sessionId]
    )
  })
})
