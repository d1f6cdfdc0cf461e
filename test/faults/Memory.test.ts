import { Client } from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Rule } from "../../scripts/scripted-model/Script.ts"
import { freshDatabase, rowsOf } from "../service/Database.ts"
import { at, listAt, textAt } from "../service/Json.ts"
import { until } from "../service/Polling.ts"
import { small } from "../service/Prompts.ts"
import { type ScriptedEmbedder, startScriptedEmbedder } from "../service/ScriptedEmbedder.ts"
import { type Service, startService } from "../service/Service.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"
import type { ErrorId } from "./Matrix.ts"
import { embedderFaults, learningFaults, oneFact } from "./MemoryFaults.ts"
import { countedBetween, countsOf, failureCounts, failureLines, hasFields } from "./Observations.ts"
import { type MemoryResult, saveMemoryResults } from "./Results.ts"

const model = useModel()
let embedder: ScriptedEmbedder
let database: string
let service: Service

beforeAll(async () => {
  embedder = await startScriptedEmbedder()
  database = await freshDatabase()
  service = await startService({
    database,
    model: model().url,
    env: {
      MEMORY_MODEL: "claude-haiku-test",
      MEMORY_MODEL_TIMEOUT: "1 second",
      MEMORY_RECALL_TIMEOUT: "1 second",
      EMBEDDER_URL: embedder.url,
      EMBEDDER_MODEL: "test-embedder",
      EMBEDDER_API_KEY: "embedder-key"
    }
  })
})
const results: Array<MemoryResult> = []
afterAll(async () => {
  await saveMemoryResults(results)
  await stopCleanly(service)
  await embedder.stop()
})

/** Runs one fault, and keeps what became of it for the documentation. */
const fault = async (step: MemoryResult["step"], name: string, error_id: ErrorId, sees: () => Promise<void>) => {
  const result = { step, name, error_id, green: false }
  results.push(result)
  await sees()
  result.green = true
}

const learns = (...rules: ReadonlyArray<Omit<Rule, "system">>) =>
  model().setScript({ rules: rules.map((rule) => ({ system: "long-term memory", ...rule })) })

const ask = async (prompt: string, memory: Readonly<Record<string, unknown>> = {}) => {
  const stream = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt, memory } })
  await stream.finished()
  assert.deepEqual([at(stream.first("done").data, "reason"), stream.names.at(-1)], ["completed", "done"])
  const [run] = await rowsOf(database, "SELECT status FROM runs WHERE id = $1", [stream.runId])
  const [session] = await rowsOf(database, "SELECT status FROM sessions WHERE id = $1", [stream.sessionId])
  assert.deepEqual([run?.["status"], session?.["status"]], ["completed", "completed"])
  return stream
}

const remember = async (text: string, scope: Readonly<Record<string, unknown>> = {}) => {
  const { body } = await service.request("POST", "/api/v1/memories", { body: { text, ...scope } })
  return textAt(body, "memories.0.id")
}

const memories = async () =>
  listAt((await service.request("GET", "/api/v1/memories?page_size=100")).body, "memories").map((memory) =>
    textAt(memory, "memory")
  )

const promptOf = (session: string): string =>
  model()
    .requests()
    .filter(({ kind, sessionId }) => kind === "main" && sessionId === session)
    .map(({ body }) => JSON.stringify(at(body, "system")))
    .join("\n")

const isCountedAndLogged = async (
  before: Readonly<Record<string, number>>,
  error_id: ErrorId,
  run: { readonly runId: string; readonly sessionId: string }
) => {
  assert.deepEqual(countedBetween(before, await failureCounts(service)), { [error_id]: 1 })
  const lines = service.logs().filter((line) => line["run_id"] === run.runId && line["error_id"] !== undefined)
  assert.deepEqual(countsOf(lines), { [error_id]: 1 })
  hasFields(lines[0], { session_id: run.sessionId })
}

describe("before a run", () => {
  it("a locked table costs it the time limit, and its prompt says that memory is unavailable", () =>
    fault("before a run", "the memories table is locked", "ERR_MEMORY_UNAVAILABLE", async () => {
      await remember("The deploy script is called launch-pad.sh.")
      const before = await failureCounts(service)
      const client = new Client({ connectionString: database })
      await client.connect()
      try {
        await client.query("BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE")
        const stream = await ask("What is the deploy script called?", { extract: false })
        assert.include(promptOf(stream.sessionId), "Memory is unavailable in this turn")
        await isCountedAndLogged(before, "ERR_MEMORY_UNAVAILABLE", stream)
      } finally {
        await client.end()
      }
      const again = await ask("What is the deploy script called?", { extract: false })
      assert.include(promptOf(again.sessionId), "launch-pad.sh")
    }))

  it("a record that cannot be read is left out, of lists and searches too", () =>
    fault("before a run", "a stored record cannot be read", "ERR_MEMORY_INJECTION_FAILED", async () => {
      const id = await remember("The lighthouse is red.")
      await remember("The lighthouse keeper is called Ada.")
      await rowsOf(database, "UPDATE memories SET metadata = '[]' WHERE id = $1", [id])
      const before = await failureCounts(service)
      const stream = await ask("Tell of the lighthouse.", { extract: false })
      assert.include(promptOf(stream.sessionId), "Ada")
      assert.notInclude(promptOf(stream.sessionId), "is red")
      await isCountedAndLogged(before, "ERR_MEMORY_INJECTION_FAILED", stream)
      assert.notInclude(await memories(), "The lighthouse is red.")
      const { body, status } = await service.request("POST", "/api/v1/memories/search", {
        body: { query: "lighthouse" }
      })
      assert.strictEqual(status, 200)
      assert.notInclude(JSON.stringify(body), "is red")
      await service.request("DELETE", `/api/v1/memories/${id}`)
    }))
})

const told = (name: string) => `What of this: ${name}?`
const wellAnswered = learningFaults.map(([name]) => ({
  prompt: told(name),
  steps: [{ text: oneFact(`Learned: ${name}.`) }]
}))

describe("after a run", () => {
  it.each(learningFaults)("%s: an event, and nothing is stored", (name, step) =>
    fault("after a run", name, "ERR_MEMORY_EXTRACT_FAILED", async () => {
      const before = await failureCounts(service)
      // To whom failed before, it answers well by now.
      learns({ prompt: told(name), steps: [{ ...step, repeat: true }] }, ...wellAnswered)
      const stream = await ask(told(name))
      assert.deepEqual(stream.names.slice(-3), ["result", "error", "done"])
      assert.deepInclude(Object(stream.first("error").data), {
        error_id: "ERR_MEMORY_EXTRACT_FAILED",
        code: "MEMORY_EXTRACTION_FAILED",
        fatal: false
      })
      assert.strictEqual(at(stream.first("done").data, "memory"), "failed")
      await isCountedAndLogged(before, "ERR_MEMORY_EXTRACT_FAILED", stream)
      assert.notInclude(await memories(), `Learned: ${name}.`)
      learns(...wellAnswered)
    })
  )

  it("each of them is learned from later", async () => {
    const expected = learningFaults.map(([name]) => `Learned: ${name}.`)
    await until(
      "all facts",
      async () => {
        const known = await memories()
        return expected.every((text) => known.includes(text))
      },
      30_000
    )
    assert.deepEqual(await rowsOf(database, "SELECT 1 FROM memory_jobs"), [])
  })
})

describe("in a search", () => {
  it.each(embedderFaults)("%s: it is searched by words alone", (name, manner) =>
    fault("in a search", name, "ERR_EMBEDDER_FAILED", async () => {
      const text = `A tulip and a Labrador: ${manner}.`
      await remember(text, { user_id: manner })
      await until("its embedding", async () => {
        const rows = await rowsOf(database, "SELECT 1 FROM memories WHERE embedded_by IS NULL")
        return rows.length === 0
      })
      embedder.answer(manner)
      const { body, headers } = await service.request("POST", "/api/v1/memories/search", {
        body: { query: "tulips", user_id: manner }
      })
      embedder.answer("well")
      assert.deepEqual(
        listAt(body, "results").map((result) => at(result, "memory")),
        [text]
      )
      const lines = failureLines(service, headers.get("x-request-id") ?? "")
      assert.deepEqual(countsOf(lines), { ERR_EMBEDDER_FAILED: 1 })
    })
  )
})
