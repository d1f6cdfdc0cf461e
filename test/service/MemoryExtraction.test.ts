import { Client } from "pg"
import { assert, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { freshDatabase, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, numberAt, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import { type Service, startService } from "./Service.ts"
import { stopCleanly, useModel, useService } from "./UseService.ts"

const env = { MEMORY_MODEL: "claude-haiku-test", MEMORY_MODEL_PRICE: "1000,10000" }
const setting = useService({ env })

const uncached = { cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }

interface Fact {
  readonly text: string
  readonly action?: "add" | "update" | "supersede" | "skip"
  readonly known?: number
}

/** What the model that learns answers. */
const facts = (...all: ReadonlyArray<Fact>) =>
  JSON.stringify({ facts: all.map(({ action = "add", known = null, text }) => ({ text, action, known })) })

const learnsIn = (model: ReturnType<ReturnType<typeof useModel>>, ...steps: ReadonlyArray<Step>) =>
  model.setScript({ rules: [{ system: "long-term memory", steps: [...steps] }] })

/** Sets what the model that learns says; the agent's own requests are answered by their prompts. */
const learns = (...steps: ReadonlyArray<Step>) => learnsIn(setting().model, ...steps)

const ask = async (body: Readonly<Record<string, unknown>>, service: Service = setting().service) => {
  const stream = await service.stream("POST", "/api/v1/query", { body: { ...small, ...body } })
  await stream.finished()
  return stream
}

const doneMemory = (stream: EventReader) => at(stream.first("done").data, "memory")

/** That a run's `done` says this, and that nothing is left to be learned. */
const assertLearned = async (stream: EventReader, memory: "saved" | "none") => {
  assert.strictEqual(doneMemory(stream), memory)
  assert.deepEqual(await rowsOf(setting().database, "SELECT 1 FROM memory_jobs"), [])
}

const memoriesOf = async (service: Service, query = ""): Promise<ReadonlyArray<unknown>> =>
  listAt((await service.request("GET", `/api/v1/memories?page_size=100${query}`)).body, "memories")

const textsOf = async (service: Service, query?: string) =>
  (await memoriesOf(service, query)).map((memory) => textAt(memory, "memory"))

/** What the model that learns was asked. */
const lessons = () =>
  setting()
    .model.requests()
    .filter(({ body }) => String(at(body, "system")).includes("long-term memory"))

/** The stream's grammar, and numbers without a gap. */
const assertWhole = async (stream: EventReader) => {
  const { service } = setting()
  const replay = await service.stream("GET", `/api/v1/runs/${stream.runId}/events?after=0`)
  await replay.finished()
  assert.strictEqual(replay.eventText, stream.eventText)
  const ids = stream.events.map(({ id }) => Number(id))
  assert.deepEqual(
    ids,
    ids.map((_, index) => (ids[0] ?? 0) + index)
  )
  assert.deepEqual(
    stream.names.filter((name) => name === "result" || name === "done"),
    ["result", "done"]
  )
  assert.strictEqual(stream.names.at(-1), "done")
}

describe("after a run", () => {
  it("what was told in one session is used in another, and its cost counts to the session", async () => {
    const { service } = setting()
    learns({
      text: facts({ text: "Nora's favourite fruit is the quince." }),
      usage: { input_tokens: 100, output_tokens: 10, ...uncached }
    })
    const first = await ask({ prompt: "My name is Nora and my favourite fruit is the quince." })
    await assertLearned(first, "saved")
    await assertWhole(first)
    const [memory] = await memoriesOf(service)
    assert.deepInclude(Object(at(memory, "metadata")), {
      source: "run",
      session_id: first.sessionId,
      run_id: first.runId
    })
    const session = (await service.request("GET", `/api/v1/sessions/${first.sessionId}`)).body
    const ownCost = numberAt(first.first("result").data, "total_cost_usd")
    assert.approximately(numberAt(session, "total_cost_usd") - ownCost, 0.1 + 0.1, 1e-9)

    learns({ text: facts() })
    const second = await ask({ prompt: "What is Nora's favourite fruit?" })
    await assertLearned(second, "none")
    const prompt = setting()
      .model.requests()
      .find(({ kind, sessionId }) => kind === "main" && sessionId === second.sessionId)
    assert.include(JSON.stringify(at(prompt?.body, "system")), "quince")
  })

  it("facts update and supersede what is known, whose history is kept", async () => {
    const { service } = setting()
    await service.request("POST", "/api/v1/memories", { body: { text: "The meeting room is called Elbe." } })
    learns({ text: facts({ text: "The meeting room on floor 3 is called Elbe.", action: "update", known: 1 }) })
    await assertLearned(await ask({ prompt: "The meeting room Elbe is on floor 3." }), "saved")
    const [updated] = (await memoriesOf(service)).filter((one) => textAt(one, "memory").includes("Elbe"))
    assert.strictEqual(at(updated, "memory"), "The meeting room on floor 3 is called Elbe.")
    learns({ text: facts({ text: "The meeting room on floor 3 is called Oder.", action: "supersede", known: 1 }) })
    await assertLearned(await ask({ prompt: "The meeting room is not called Elbe but Oder now." }), "saved")
    const texts = await textsOf(service)
    assert.include(texts, "The meeting room on floor 3 is called Oder.")
    assert.notInclude(texts, "The meeting room on floor 3 is called Elbe.")
    const id = textAt(updated, "id")
    const old = (await service.request("GET", `/api/v1/memories/${id}`)).body
    assert.isString(at(old, "valid_to"))
    assert.isString(at(old, "superseded_by"))
    const { body } = await service.request("GET", `/api/v1/memories/${id}/history`)
    assert.deepEqual(
      listAt(body, "history").map((version) => [at(version, "event"), at(version, "actor_kind")]),
      [
        ["superseded", "run"],
        ["updated", "run"],
        ["added", "api_key"]
      ]
    )
  })

  it("secrets, the system prompt and what was recalled are not stored", async () => {
    const { service } = setting()
    await service.request("POST", "/api/v1/memories", { body: { text: "The basement holds 40 bottles of cider." } })
    const system_prompt = "Answer as the night porter of the Grand Hotel would."
    const before = await textsOf(service)
    learns({
      text: facts(
        { text: "The key is sk-ant-api03-abcdefghijklmnopqrstuvwxyz." },
        { text: "The password is hunter2!secret" },
        { text: "Answer as the night porter of the Grand Hotel would" },
        { text: "the basement holds 40 bottles of cider" },
        { text: "The cider's basement holds 40 bottles of cider." },
        { text: "  " }
      )
    })
    const stream = await ask({
      system_prompt,
      prompt: "How many bottles of cider? My key is sk-ant-api03-abcdefghijklmnopqrstuvwxyz."
    })
    await assertLearned(stream, "none")
    assert.deepEqual(await textsOf(service), before)
    const [lesson] = lessons().slice(-1)
    const sent = JSON.stringify(lesson?.body)
    assert.notInclude(sent, "sk-ant")
    assert.notInclude(sent, "night porter")
  })

  it("nothing is learned where the request or the tenant does not want it, and what is belongs to the named user", async () => {
    const { service } = setting()
    learns({ text: facts({ text: "Somebody owns a kayak." }) })
    const asked = lessons().length
    assert.isUndefined(doneMemory(await ask({ prompt: "I own a kayak.", memory: { extract: false } })))
    await service.request("PUT", "/api/v1/memories/settings", { body: { extract: false } })
    assert.isUndefined(doneMemory(await ask({ prompt: "I own a kayak." })))
    assert.strictEqual(lessons().length, asked)
    const stream = await ask({ prompt: "I own a kayak.", memory: { extract: true, user_id: "kim" } })
    await service.request("PUT", "/api/v1/memories/settings", { body: { extract: null } })
    await assertLearned(stream, "saved")
    assert.deepEqual(await textsOf(service, "&user_id=kim"), ["Somebody owns a kayak."])
  })

  it("a slow model holds done for two seconds, and the fact comes later", async () => {
    const { database, model, service } = setting()
    learns({ text: facts({ text: "The ferry leaves at dawn." }), hold: "slow lesson" })
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: "The ferry leaves at dawn." }
    })
    await stream.waitFor("result")
    const [run] = await rowsOf(database, "SELECT status, owner, ended_at FROM runs WHERE id = $1", [stream.runId])
    assert.deepInclude(Object(run), { status: "completed", owner: null })
    const since = performance.now()
    // A run that begins meanwhile takes the numbers after the one that is set aside for `done`.
    const next = await service.stream("POST", `/api/v1/sessions/${stream.sessionId}/resume`, {
      body: { ...small, prompt: "And then?", memory: { extract: false } }
    })
    await Promise.all([stream.finished(), next.finished()])
    assert.isBelow(performance.now() - since, 6000)
    assert.strictEqual(doneMemory(stream), "pending")
    await assertWhole(stream)
    await assertWhole(next)
    assert.strictEqual(Number(next.events[0]?.id), Number(stream.events.at(-1)?.id) + 1)
    assert.notInclude(await textsOf(service), "The ferry leaves at dawn.")
    model.open("slow lesson")
    await until("the fact", async () => (await textsOf(service)).includes("The ferry leaves at dawn."))
  })

  it("messages are learned from at once", async () => {
    const { service } = setting()
    learns({ text: facts({ text: "Ida plays the oboe." }) })
    const answer = await service.request("POST", "/api/v1/memories", {
      body: { messages: [{ role: "user", name: "Ida", content: "I play the oboe." }], user_id: "ida" }
    })
    assert.strictEqual(answer.status, 201, answer.text)
    assert.strictEqual(textAt(answer.body, "memories.0.memory"), "Ida plays the oboe.")
    assert.strictEqual(at(answer.body, "memories.0.user_id"), "ida")
    const empty = await service.request("POST", "/api/v1/memories", { body: { messages: "" } })
    assert.deepEqual([empty.status, at(empty.body, "count")], [201, 0])
    learns({ error: "overloaded" })
    const failed = await service.request("POST", "/api/v1/memories", { body: { messages: "I play the oboe." } })
    assert.deepEqual([failed.status, at(failed.body, "error.error_id")], [502, "ERR_MEMORY_MODEL_FAILED"])
  })

  it("a locked table makes it late, not lost", async () => {
    const { database, service } = setting()
    learns({ text: facts({ text: "The tide turns at noon." }) })
    const client = new Client({ connectionString: database })
    await client.connect()
    try {
      await client.query("BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE")
      assert.strictEqual(doneMemory(await ask({ prompt: "The tide turns at noon." })), "pending")
    } finally {
      await client.end()
    }
    await until("the fact", async () => (await textsOf(service)).includes("The tide turns at noon."))
  })
})

describe("a service that is killed between answer and extraction", () => {
  const model = useModel()

  it("ends with the fact stored once, and the stream has its done", async () => {
    const database = await freshDatabase()
    const options = { database, model: model().url, env }
    learnsIn(model(), { text: facts({ text: "The comet returns in 2061." }), hold: "never", times: 1 })
    const killed = await startService(options)
    const stream = await killed.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: scripted("The comet returns in 2061.", { text: "Noted." }) }
    })
    await stream.waitFor("result")
    const { runId } = stream
    await killed.kill9()
    learnsIn(model(), { text: facts({ text: "The comet returns in 2061." }) })
    const service = await startService(options)
    const followed = await service.stream("GET", `/api/v1/runs/${runId}/events?after=0`)
    await followed.finished()
    assert.deepEqual(followed.names.slice(-2), ["result", "done"])
    assert.strictEqual(at(followed.first("done").data, "memory"), "pending")
    await eventually("the fact", async () => ((await textsOf(service)).length > 0 ? true : undefined), 30_000)
    assert.deepEqual(await textsOf(service), ["The comet returns in 2061."])
    assert.deepEqual(await rowsOf(database, "SELECT * FROM memory_jobs"), [])
    await stopCleanly(service)
  })
})
