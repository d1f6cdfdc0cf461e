import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Script } from "../../scripts/scripted-model/Script.ts"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import { type Answer, type Service, startService } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"
import { toolResultBlocks } from "./ToolResults.ts"

const model = useModel()

let postgres: PostgresServer
/** Gives up early. */
let hasty: Service
let hastyDatabase: string
/** Waits for the database to come back. */
let patient: Service

let streamed: EventReader
let single: Answer
let whole: EventReader
let ended: EventReader
/** A run whose agent asks something before PostgreSQL goes away. */
let asking: EventReader
let refused: Answer
let accepted: Answer

/** The first step comes while PostgreSQL is there, the second while it is away. */
const parts = (title: string, ...rest: Script) => ({
  title,
  tools: ["Bash"],
  system_prompt: "Answer.",
  prompt: scripted(
    "In parts.",
    { text: "The first part. ", tool: "Bash", input: { command: "echo tool" } },
    { text: "The second part. ", hold: "away", ...rest[0] },
    ...rest.slice(1)
  )
})

beforeAll(async () => {
  postgres = await startPostgres()
  hastyDatabase = await postgres.createDatabase()
  const start = (database: string, appendTimeout: string) =>
    startService({ database, model: model().url, env: { APPEND_TIMEOUT: appendTimeout } })
  ;[hasty, patient] = await Promise.all([
    start(hastyDatabase, "2 seconds"),
    start(await postgres.createDatabase(), "5 minutes")
  ])
  const answered = hasty.request("POST", "/api/v1/query/single", { body: parts("single") })
  streamed = await hasty.stream("POST", "/api/v1/query", { body: parts("streamed") })
  whole = await patient.stream("POST", "/api/v1/query", {
    body: parts("whole", { tool: "Bash", input: { command: "echo meanwhile" } }, { text: "The end.", hold: "back" })
  })
  ended = await patient.stream("POST", "/api/v1/query", { body: parts("ended") })
  asking = await patient.stream("POST", "/api/v1/query", {
    body: {
      prompt: scripted("Ask.", { tool: "Bash", input: { command: "touch asked.txt" } }, { text: "Done." }),
      tools: ["Bash"],
      system_prompt: "Answer.",
      approvals: { mode: "ask" }
    }
  })
  const { data: asked } = await asking.waitFor("permission_request")
  const answer = () =>
    patient.request("POST", `/api/v1/approvals/${textAt(asked, "approval_id")}`, { body: { decision: "allow" } })
  const reached = ({ data }: { readonly data: unknown }) => at(data, "content.0.type") === "tool_result"
  await Promise.all([streamed.waitFor(reached), whole.waitFor(reached), ended.waitFor(reached)])
  await until("the single run has come as far", async () => {
    const rows = await rowsOf(
      hastyDatabase,
      "SELECT 1 FROM run_events JOIN sessions ON sessions.id = session_id WHERE title = 'single' AND data LIKE '%tool_result%'"
    )
    return rows.length > 0
  })
  await postgres.kill()
  refused = await answer()
  model().open("away")
  await streamed.finished()
  single = await answered
  assert.isUndefined(whole.end)
  await until("what the ended turn left to store is given up", () =>
    patient.logs().some((line) => line["error_id"] === "ERR_TRANSCRIPT_NOT_STORED")
  )
  await postgres.restart()
  model().open("back")
  accepted = await eventually("an answer that is taken", async () => {
    const given = await answer()
    return given.status === 503 ? undefined : given
  })
  await Promise.all([whole.finished(), ended.finished(), asking.finished()])
})

afterAll(async () => {
  await stopCleanly(hasty)
  await stopCleanly(patient)
  await postgres.stop()
})

describe("PostgreSQL away in the middle of a run, for longer than APPEND_TIMEOUT", () => {
  it("readers get an error, the unsaved result and the end, none of which moves their cursor", () => {
    assert.deepEqual(streamed.names.slice(-3), ["error", "result", "done"])
    const last = streamed.events.slice(-3)
    assert.deepEqual(
      last.map(({ id }) => id),
      [undefined, undefined, undefined]
    )
    const error = streamed.first("error").data
    assert.deepInclude(error, { error_id: "ERR_SESSION_PERSIST_FAILED", fatal: true })
    assert.include(["ERR_DB_UNAVAILABLE", "ERR_DB_OPERATIONAL"], textAt(error, "details.database_error_id"))
    assert.deepInclude(streamed.first("result").data, { saved: false, run_id: streamed.runId })
    assert.strictEqual(at(streamed.first("done").data, "reason"), "error")
    assert.strictEqual(streamed.end, "complete")
  })

  it("the single answer is 500 with what was paid for", () => {
    assert.strictEqual(single.status, 500, single.text)
    assert.strictEqual(at(single.body, "error.error_id"), "ERR_SESSION_PERSIST_FAILED")
    assert.strictEqual(at(single.body, "error.details.unsaved_result.saved"), false)
    const texts = listAt(single.body, "error.details.unsaved_result.content").map((block) => at(block, "text"))
    assert.include(texts, "The first part. ")
  })

  it("is in the log, with the ids of the run, and without a word that a client might read", () => {
    const lines = hasty.logs().filter((line) => line["error_id"] === "ERR_SESSION_PERSIST_FAILED")
    assert.lengthOf(lines, 2)
    assert.include(
      lines.map((line) => line["run_id"]),
      streamed.runId
    )
    for (const text of [streamed.raw, single.text]) assert.notMatch(text, /ECONN|127\.0\.0\.1|postgres:/)
  })

  it("leaves no agent, and once PostgreSQL is back the runs end as lost and the sessions go on", async () => {
    await untilNoAgents(hasty.dataDir)
    const statuses = await eventually("the runs are over", async () => {
      const rows = await rowsOf(hastyDatabase, "SELECT status FROM runs ORDER BY created_at")
      return rows.every(({ status }) => status !== "running") ? rows.map(({ status }) => status) : undefined
    })
    assert.deepEqual(statuses, ["lost", "lost"])
    // Nobody can tell whether all of the conversation is there.
    const sessions = await rowsOf(hastyDatabase, "SELECT transcript_complete FROM sessions")
    assert.deepEqual(
      sessions.map((row) => row["transcript_complete"]),
      [false, false]
    )
    const replay = await hasty.stream("GET", `/api/v1/runs/${streamed.runId}/events`)
    await replay.finished()
    const durable = streamed.events.filter(({ id }) => id !== undefined)
    assert.isTrue(replay.eventText.startsWith(durable.map(({ text }) => text).join("")))
    assert.deepEqual(replay.names.slice(-2), ["error", "done"])
    assert.strictEqual(at(replay.first("error").data, "error_id"), "ERR_RUN_LOST")
    const next = await hasty.stream("POST", `/api/v1/sessions/${streamed.sessionId}/resume`, {
      body: { ...small, prompt: scripted("Again.", { recall: true }) }
    })
    await next.finished()
    assert.include(textAt(next.first("result").data, "result"), "[0] In parts.")
  })
})

describe("PostgreSQL away in the middle of a run, and back within APPEND_TIMEOUT", () => {
  it("costs nothing but time: the run completes without a gap", async () => {
    assert.deepEqual(whole.names, ["init", ...Array.from({ length: 8 }, () => "message"), "result", "done"])
    assert.deepEqual(
      whole.events.map(({ id }) => id),
      whole.events.map((_, index) => String(index + 1))
    )
    assert.strictEqual(at(whole.first("result").data, "result"), "The end.")
    assert.strictEqual(at(whole.first("result").data, "saved"), true)
    assert.strictEqual(at(whole.first("done").data, "reason"), "completed")
    const replay = await patient.stream("GET", `/api/v1/runs/${whole.runId}/events`)
    await replay.finished()
    assert.strictEqual(replay.eventText, whole.eventText)
    const { body } = await patient.request("GET", `/api/v1/sessions/${whole.sessionId}`)
    assert.deepInclude(body, { status: "completed", transcript_complete: true })
    const next = await patient.stream("POST", `/api/v1/sessions/${whole.sessionId}/resume`, {
      body: { ...small, prompt: "What happened meanwhile?" }
    })
    await next.finished()
    const sent = JSON.stringify(model().requests().at(-1)?.body)
    for (const text of ["The first part.", "The second part.", "meanwhile", "The end."]) assert.include(sent, text)
  })
})

describe("PostgreSQL away when a turn ends, and back when its conversation was given up", () => {
  it("the run completes, and says what is missing of it; so does the session, though it could not be marked then", async () => {
    assert.deepEqual(ended.names.slice(-3), ["error", "result", "done"])
    const error = ended.first("error").data
    assert.deepInclude(error, { error_id: "ERR_TRANSCRIPT_NOT_STORED", fatal: false })
    assert.strictEqual(at(ended.first("result").data, "result"), "The second part. ")
    assert.strictEqual(at(ended.first("result").data, "saved"), true)
    assert.strictEqual(at(ended.first("done").data, "reason"), "completed")
    const { body } = await patient.request("GET", `/api/v1/sessions/${ended.sessionId}`)
    assert.deepInclude(body, { status: "completed", transcript_complete: false })
    const lines = patient.logs().filter((line) => line["error_id"] === "ERR_TRANSCRIPT_NOT_STORED")
    assert.deepEqual(
      lines.map((line) => line["run_id"]),
      [ended.runId]
    )
  })
})

describe("an answer while PostgreSQL is away", () => {
  it("is a 503 that changes nothing, and counts when it is sent again", async () => {
    assert.strictEqual(refused.status, 503, refused.text)
    assert.match(textAt(refused.body, "error.error_id"), /^ERR_DB_(UNAVAILABLE|OPERATIONAL)$/)
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    assert.strictEqual(accepted.status, 200, accepted.text)
    assert.strictEqual(at(asking.first("done").data, "reason"), "completed", asking.raw)
    const made = toolResultBlocks(asking.events).filter((block) => at(block, "is_error") === false)
    assert.lengthOf(made, 1)
  })
})
