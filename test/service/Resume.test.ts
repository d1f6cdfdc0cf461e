import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { countRows, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { type Instances, startInstances } from "./Instances.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import type { Service } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"

const model = useModel()
let instances: Instances
let one: Service
let two: Service

/** A run that an instance has let go and that none has taken. */
let waits: string

beforeAll(async () => {
  instances = await startInstances(model().url, { DISCONNECT_GRACE: "1 second", SHUTDOWN_GRACE: "0 seconds" })
  one = instances.one
  two = instances.two
})

afterAll(() => instances.stop())

/** A turn whose second tool never ends, and which says in the end what it was told of it. */
const working = (name: string) => ({
  prompt: scripted(
    "Work.",
    { tool: "Bash", input: { command: `echo first >> ${name}` } },
    {
      text: "Now. ",
      tools: [{ name: "Bash", id: `toolu_${name}`, input: { command: `echo second >> ${name}; sleep 3600` } }]
    },
    { text: "I was told: {{last_tool_result}}" }
  ),
  tools: ["Bash"],
  allowed_tools: ["Bash"],
  system_prompt: "Answer.",
  cwd: ".",
  background: true
})

/** Posts what starts a run in the background, and gives the run. */
const post = async (service: Service, path: string, body: object) => {
  const answer = await service.request("POST", `/api/v1${path}`, { body })
  assert.strictEqual(answer.status, 202, answer.text)
  return { run: textAt(answer.body, "id"), session: textAt(answer.body, "session_id") }
}

const follow = (service: Service, run: string, after = 0) =>
  service.stream("GET", `/api/v1/runs/${run}/events?after=${after}`)

const fileOf = async (name: string): Promise<string> => {
  const [tenant] = await rowsOf(instances.database, "SELECT id FROM tenants")
  return readFile(join(instances.workspaces, String(tenant?.["id"]), name), "utf8").catch(() => "")
}

/** Starts such a run and waits until its second tool is at work. */
const startWorking = async (service: Service, name: string, more: object = {}) => {
  const { run, session } = await post(service, "/query", { ...working(name), ...more })
  await until("the tool is at work", async () => (await fileOf(name)) === "first\nsecond\n", 40_000)
  await until("the call is in the conversation", async () => {
    const found = await rowsOf(
      instances.database,
      "SELECT 1 FROM transcript_entries WHERE session_id = $1 AND entry::text LIKE $2",
      [session, `%"toolu_${name}"%`]
    )
    return found.length > 0
  })
  return { run, session }
}

const rowOf = async (run: string) => {
  const [row = {}] = await rowsOf(
    instances.database,
    `SELECT status, owner, fence::int, cost_unknown, start_seq::int, last_seq::int,
      (SELECT count(*)::int FROM run_orders WHERE run_id = runs.id) AS orders FROM runs WHERE id = $1`,
    [run]
  )
  return row
}

const ended = (run: string) =>
  eventually("the run has ended", async () => {
    const row = await rowOf(run)
    return row["orders"] === 0 ? row : undefined
  })

const idsOf = (reader: EventReader) => reader.events.map(({ id }) => Number(id))

/** Whatever happened in between: each tool ran once, and the agent knows what it cannot know. */
const assertWentOn = async (reader: EventReader, name: string) => {
  assert.strictEqual(await fileOf(name), "first\nsecond\n")
  assert.strictEqual(reader.all("init").length, 2)
  assert.strictEqual(reader.all("status").filter(({ data }) => at(data, "status") === "resumed").length, 1)
  const result = reader.first("result")
  assert.match(textAt(result.data, "result"), /^I was told: The result of this call is unknown/)
  assert.strictEqual(at(result.data, "cost_unknown"), true)
  assert.strictEqual(at(reader.first("done").data, "reason"), "completed")
  assert.deepEqual(
    reader.all("message").map(({ data }) => `${textAt(data, "type")} ${textAt(data, "content.0.type")}`),
    [
      "user text",
      "assistant tool_use",
      "user tool_result",
      "assistant text",
      "assistant tool_use",
      "user tool_result",
      "assistant text"
    ]
  )
  assert.deepEqual(
    idsOf(reader),
    reader.events.map((_, index) => Number(reader.events[0]?.id) + index)
  )
}

describe("a reader on another instance", () => {
  it("keeps a run going that would end without one", async () => {
    const start = (gate: string) =>
      one.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Slowly.", gate) } })
    const [live, unread] = await Promise.all([start("never"), start("nor-this")])
    await Promise.all([live.waitFor("init"), unread.waitFor("init")])
    const reader = await follow(two, live.runId)
    await reader.waitFor("init")
    live.close()
    unread.close()
    assert.strictEqual((await ended(unread.runId))["status"], "interrupted")
    assert.strictEqual((await rowOf(live.runId))["status"], "running")
    reader.close()
    assert.strictEqual((await ended(live.runId))["status"], "interrupted")
  })
})

describe("an instance that is killed in the middle of its runs", () => {
  it("has those go on elsewhere that were to go on, the others end, and what waits behind them begin", async () => {
    const resumed = await startWorking(one, "resumed", { on_crash: "resume" })
    const worn = await startWorking(one, "worn", { on_crash: "resume" })
    await rowsOf(instances.database, "UPDATE run_orders SET losses = 3 WHERE run_id = $1", [worn.run])
    const text = await post(one, "/query", {
      ...small,
      prompt: held("Write.", "text"),
      on_crash: "resume",
      background: true
    })
    const lost = await post(one, "/query", { ...small, prompt: held("Write.", "never"), background: true })
    const next = { ...small, prompt: scripted("Next.", { recall: true }), on_busy: "queue", background: true }
    const behind = await post(one, `/sessions/${resumed.session}/resume`, next)
    const behindLost = await post(one, `/sessions/${lost.session}/resume`, next)
    const readers = await Promise.all(
      [resumed, text, lost, worn, behind, behindLost].map(({ run }) => follow(two, run))
    )
    await Promise.all(readers.slice(0, 3).map((reader) => reader.waitFor("message")))
    // The prompt is in the log before the agent has put it into its conversation.
    for (const { session } of [text, lost]) {
      await until("the prompt is in the conversation", async () => {
        const entry = "SELECT 1 FROM transcript_entries WHERE session_id = $1 AND entry ->> 'type' = 'user'"
        return (await rowsOf(instances.database, entry, [session])).length > 0
      })
    }
    const changed = await two.request("POST", `/api/v1/sessions/${text.session}/control`, {
      body: { permission_mode: "plan" }
    })
    assert.strictEqual(changed.status, 200, changed.text)
    const seen = readers[0]?.eventText ?? ""

    const killed = performance.now()
    await one.kill9()
    await untilNoAgents(one.dataDir)
    const [resumedReader, textReader, lostReader, wornReader, behindReader, behindLostReader] = readers
    await resumedReader?.waitFor(({ data }) => at(data, "status") === "resumed")
    const after = performance.now() - killed
    assert.isBelow(after, 10_000)
    model().open("text")
    await Promise.all(readers.map((reader) => reader.finished()))

    if (resumedReader === undefined || textReader === undefined) return assert.fail("no readers")
    assert.isTrue(resumedReader.eventText.startsWith(seen))
    await assertWentOn(resumedReader, "resumed")
    assert.deepInclude(await rowOf(resumed.run), { status: "completed", owner: null, fence: 2, orders: 0 })
    const replay = await follow(two, resumed.run)
    await replay.finished()
    assert.strictEqual(replay.eventText, resumedReader.eventText)

    assert.deepEqual(
      textReader.all("init").map(({ data }) => at(data, "permission_mode")),
      ["default", "plan"]
    )
    // In the middle of a text the model is asked once more; the prompt is there once.
    assert.strictEqual(at(textReader.first("result").data, "result"), "half and half")
    assert.strictEqual(textReader.all("message").filter(({ data }) => at(data, "type") === "user").length, 1)

    assert.strictEqual(at(lostReader?.first("error").data, "error_id"), "ERR_RUN_LOST")
    assert.deepInclude(await rowOf(lost.run), { status: "lost", orders: 0 })
    assert.strictEqual(at(wornReader?.first("error").data, "details.pending_tool_use_id"), "toolu_worn")
    assert.deepInclude(await rowOf(worn.run), { status: "lost", orders: 0 })
    assert.strictEqual(await fileOf("worn"), "first\nsecond\n")

    for (const reader of [behindReader, behindLostReader]) {
      assert.strictEqual(at(reader?.first("done").data, "reason"), "completed")
      assert.match(textAt(reader?.first("result").data, "result"), /\[0\] (Work|Write)\./)
    }
    assert.strictEqual((await rowOf(behind.run))["start_seq"], (await rowOf(resumed.run))["last_seq"])
    assert.strictEqual((await rowOf(behindLost.run))["start_seq"], (await rowOf(lost.run))["last_seq"])
    const { body } = await two.request("GET", `/api/v1/sessions/${resumed.session}`)
    assert.deepInclude(body, { status: "completed", cost_unknown: true })
  }, 120_000)
})

describe("an instance that is told to stop", () => {
  it("leaves runs that are to go on to another instance, or to the next one that starts", async () => {
    const three = await instances.start()
    const handed = await startWorking(two, "handed", { on_crash: "resume" })
    const ends = await post(two, "/query", { ...small, prompt: held("Write.", "never"), background: true })
    const here = await follow(two, handed.run)
    const away = await follow(three, handed.run)
    await here.waitFor(({ data }) => at(data, "content.0.id") === "toolu_handed")
    await stopCleanly(two)
    assert.strictEqual(here.end, "complete")
    const farewell = here.events.at(-1)
    assert.strictEqual(at(farewell?.data, "status"), "instance_stopping")
    await away.finished()
    await assertWentOn(away, "handed")
    const rest = await follow(three, handed.run, Number(farewell?.id))
    await rest.finished()
    const before = here.events.slice(0, -1).map((event) => event.text)
    assert.strictEqual(before.join("") + rest.eventText, away.eventText)
    assert.deepInclude(await rowOf(ends.run), { status: "interrupted", orders: 0 })

    const kept = await startWorking(three, "kept", { on_crash: "resume" })
    await stopCleanly(three)
    assert.deepInclude(await rowOf(kept.run), { status: "queued", owner: null, orders: 1 })
    const four = await instances.start()
    const reader = await follow(four, kept.run)
    await reader.finished()
    assert.strictEqual(await fileOf("kept"), "first\nsecond\n")
    assert.strictEqual(at(reader.first("done").data, "reason"), "completed")

    const waiting = await startWorking(four, "waiting", { on_crash: "resume" })
    await stopCleanly(four)
    assert.strictEqual((await rowOf(waiting.run))["status"], "queued")
    waits = waiting.run
  }, 120_000)
})

describe("an instance without the memory for an agent", () => {
  it("starts none, keeps those that may wait, and can end one that was let go in the middle", async () => {
    const five = await instances.start({ AGENT_MEMORY: "1048576" })
    const before = await countRows(instances.database)
    const refused = await five.request("POST", "/api/v1/query", { body: { ...small, prompt: "Hello." } })
    assert.deepEqual([refused.status, at(refused.body, "error.error_id")], [503, "ERR_INSTANCE_OVERLOADED"])
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    assert.strictEqual(at(refused.body, "error.details.reason"), "memory")
    assert.deepEqual(await countRows(instances.database), before)
    const patient = await post(five, "/query", { ...small, prompt: "Hello.", on_busy: "queue", background: true })
    assert.deepInclude(await rowOf(patient.run), { status: "queued", owner: null, fence: 0 })

    const reader = await follow(five, waits)
    await reader.waitFor(({ data }) => at(data, "content.0.id") === "toolu_waiting")
    for (const run of [waits, patient.run]) {
      const { status } = await five.request("POST", `/api/v1/runs/${run}/interrupt`)
      assert.strictEqual(status, 200)
      assert.deepInclude(await rowOf(run), { status: "interrupted", owner: null, orders: 0 })
    }
    await reader.finished()
    assert.deepEqual(reader.names.slice(-2), ["result", "done"])
    assert.strictEqual(at(reader.events[0]?.data, "status"), "queued")
    // The one that is stored nowhere has the reader's own cursor.
    assert.deepEqual(
      idsOf(reader),
      reader.events.map((_, index) => index)
    )
    // Two agents were asked what they had spent before they were let go, and the model was asked something meanwhile.
    assert.deepInclude(reader.first("result").data, { cost_unknown: true, num_turns: 2 })
    const lines = five.logs().filter((line) => line["error_id"] === "ERR_INSTANCE_OVERLOADED")
    assert.strictEqual(lines.length, 1)
    await stopCleanly(five)
  })
})
