import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freshDatabase, rowsOf } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { type ScriptedEmbedder, startScriptedEmbedder } from "./ScriptedEmbedder.ts"
import { type Service, startService } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"

const model = useModel()
let embedder: ScriptedEmbedder
let service: Service
let database: string

beforeAll(async () => {
  embedder = await startScriptedEmbedder()
  database = await freshDatabase()
  const env = {
    EMBEDDER_URL: embedder.url,
    EMBEDDER_MODEL: "test-embedder",
    EMBEDDER_API_KEY: "embedder-key",
    EMBEDDER_TIMEOUT: "500 millis"
  }
  service = await startService({ database, model: model().url, env })
})
afterAll(async () => {
  await stopCleanly(service)
  await embedder.stop()
})

const remember = async (text: string, scope = {}) => {
  const { body } = await service.request("POST", "/api/v1/memories", { body: { text, ...scope } })
  return textAt(body, "memories.0.id")
}

const search = async (query: string, scope = {}) => {
  const { body, status, text } = await service.request("POST", "/api/v1/memories/search", { body: { query, ...scope } })
  assert.strictEqual(status, 200, text)
  return listAt(body, "results").map((result) => textAt(result, "memory"))
}

const allEmbedded = () =>
  until("all embeddings", async () => {
    const left = await rowsOf(
      database,
      "SELECT 1 FROM memories WHERE embedded_by IS NULL AND valid_to IS NULL AND memory NOT LIKE '%unembeddable%'"
    )
    return left.length === 0
  })

describe("with an embedder", () => {
  it("memories are found by what they mean, within their scope and tenant, also one text of a batch cannot be embedded", async () => {
    const id = await remember("Otto is a Labrador.")
    await remember("The unembeddable one.")
    await remember("Mimi is a feline.", { user_id: "ann" })
    await remember("The report is due in May.")
    await allEmbedded()
    assert.strictEqual((await search("What about her hound?"))[0], "Otto is a Labrador.")
    assert.include(await search("Which cat?", { user_id: "ann" }), "Mimi is a feline.")
    assert.deepEqual(await search("Which hound?", { user_id: "bob" }), [])
    const { body } = await service.request("POST", "/api/v1/tenants", { body: { name: "stranger" } })
    const foreign = await service.request("POST", "/api/v1/memories/search", {
      key: textAt(body, "api_key.key"),
      body: { query: "Which hound?" }
    })
    assert.strictEqual(at(foreign.body, "count"), 0)
    // A changed text means something else, and what does not hold any more is not found.
    await service.request("PUT", `/api/v1/memories/${id}`, { body: { text: "Otto is an automobile." } })
    await allEmbedded()
    assert.strictEqual((await search("Whose vehicle?"))[0], "Otto is an automobile.")
    await service.request("POST", `/api/v1/memories/${id}/invalidate`)
    assert.notInclude(await search("Whose vehicle?"), "Otto is an automobile.")
  })

  it("other models' embeddings are made anew", async () => {
    await remember("Bello is a Labrador.", { user_id: "eve" })
    await allEmbedded()
    await stopCleanly(service)
    await rowsOf(
      database,
      "UPDATE memories SET embedded_by = 'older', embedding = '{1}', signs = B'1', embedding_due = now()"
    )
    service = await startService({
      database,
      model: model().url,
      env: { EMBEDDER_URL: embedder.url, EMBEDDER_MODEL: "test-embedder", EMBEDDER_API_KEY: "embedder-key" }
    })
    await allEmbedded()
    assert.lengthOf(
      await rowsOf(database, "SELECT 1 FROM memories WHERE embedded_by = 'older' AND valid_to IS NULL"),
      0
    )
    assert.include(await search("hounds", { user_id: "eve" }), "Bello is a Labrador.")
  })
})
