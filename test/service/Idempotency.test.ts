import { assert, describe, it } from "vitest"
import { countRows, rowsOf } from "./Database.ts"
import { at } from "./Json.ts"
import { held, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

const withKey = (key: string, prompt: string) => ({
  body: { ...small, prompt },
  headers: { "idempotency-key": key }
})

const runsOfKey = async (key: string) =>
  (await rowsOf(setting().database, "SELECT run_id FROM idempotency_keys WHERE key = $1", [key])).map(
    ({ run_id }) => run_id
  )

describe("requests with the same Idempotency-Key and body", () => {
  it("find one run, also when they come at the same time", async () => {
    const { database, model, service } = setting()
    const request = withKey("together", held("Once.", "together"))
    const streams = await Promise.all([
      service.stream("POST", "/api/v1/query", request),
      service.stream("POST", "/api/v1/query", request),
      service.stream("POST", "/api/v1/query", request)
    ])
    await Promise.all(streams.map((stream) => stream.waitFor("message")))
    model.open("together")
    await Promise.all(streams.map((stream) => stream.finished()))
    const [first] = streams
    assert.deepEqual(
      streams.map(({ eventText }) => eventText),
      streams.map(() => first?.eventText)
    )
    assert.deepEqual(await runsOfKey("together"), [first?.runId])
    assert.lengthOf(await rowsOf(database, "SELECT id FROM runs"), 1)
    assert.lengthOf(model.requests(), 1)
  })

  it("find it again when it is over", async () => {
    const { model, service } = setting()
    const before = await countRows(setting().database)
    const again = await service.stream("POST", "/api/v1/query", withKey("together", held("Once.", "together")))
    await again.finished()
    assert.deepEqual(await runsOfKey("together"), [again.runId])
    assert.strictEqual(at(again.first("done").data, "reason"), "completed")
    assert.deepEqual(await countRows(setting().database), before)
    assert.lengthOf(model.requests(), 1)
  })

  it("get the same single answer", async () => {
    const { service } = setting()
    const request = withKey("single", "Answer me.")
    const first = await service.request("POST", "/api/v1/query/single", request)
    const second = await service.request("POST", "/api/v1/query/single", request)
    assert.strictEqual(first.status, 200)
    assert.strictEqual(second.text, first.text)
    assert.deepEqual(await runsOfKey("single"), [at(first.body, "run_id")])
  })
})

describe("a request with an Idempotency-Key that was used for something else", () => {
  it("is refused: another body, another path", async () => {
    const { database, service } = setting()
    const before = await countRows(database)
    const others = [
      ["/api/v1/query", withKey("single", "Answer me!")],
      ["/api/v1/query", withKey("single", "Answer me.")]
    ] as const
    for (const [path, request] of others) {
      const { body, status } = await service.request("POST", path, request)
      assert.deepEqual([status, at(body, "error.error_id")], [422, "ERR_IDEMPOTENCY_MISMATCH"])
    }
    assert.deepEqual(await countRows(database), before)
  })
})

describe("a request that never started a run", () => {
  it("leaves its Idempotency-Key free", async () => {
    const { service } = setting()
    const wrong = await service.request("POST", "/api/v1/query/single", withKey("corrected", " "))
    assert.strictEqual(wrong.status, 422)
    const right = await service.request("POST", "/api/v1/query/single", withKey("corrected", "Now."))
    assert.strictEqual(right.status, 200, right.text)
  })

  it("may not bring a key that is none", async () => {
    const { service } = setting()
    for (const key of ["", "two words", "x".repeat(256)]) {
      const { body, status } = await service.request("POST", "/api/v1/query", withKey(key, "Hello."))
      assert.deepEqual([status, at(body, "error.details.issues.0.path")], [422, "headers.idempotency-key"], key)
    }
  })
})
