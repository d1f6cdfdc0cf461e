import { assert, describe, it } from "vitest"
import { countRows } from "./Database.ts"
import { at, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { MAX_STREAMS_PER_TENANT: "2" } })

describe("a tenant with as many streams as it may have", () => {
  it("gets no more of them, starts nothing by trying, and has room again when one is closed", async () => {
    const { database, model, service } = setting()
    const live = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Go.", "on") } })
    await live.waitFor("init")
    const path = `/api/v1/runs/${live.runId}/events`
    const second = await service.stream("GET", path)
    const rows = async () => {
      const { runs, sessions } = await countRows(database)
      return { runs, sessions }
    }
    const before = await rows()
    const requests = [
      ["POST", "/api/v1/query", { body: { ...small, prompt: "One more." } }],
      ["GET", path, {}],
      ["GET", `/api/v1/sessions/${live.sessionId}/events`, {}]
    ] as const
    for (const [method, target, options] of requests) {
      const refused = await service.request(method, target, {
        ...options,
        headers: { "x-request-id": `refused-${target}`.replaceAll("/", "-") }
      })
      assert.strictEqual(refused.status, 429, refused.text)
      assert.deepInclude(at(refused.body, "error"), {
        error_id: "ERR_TOO_MANY_STREAMS",
        code: "TOO_MANY_STREAMS",
        retry: "after",
        details: { limit: 2, retry_after_seconds: 5 }
      })
      assert.strictEqual(refused.headers.get("retry-after"), "5")
    }
    assert.deepEqual(await rows(), before)
    assert.lengthOf(
      service.logs().filter((line) => line["error_id"] === "ERR_TOO_MANY_STREAMS"),
      3
    )
    const { text } = await service.request("GET", "/metrics", { key: null })
    assert.match(text, /^api_errors_total\{[^}]*error_code="ERR_TOO_MANY_STREAMS"[^}]*\} 3$/m)

    const { body: made } = await service.request("POST", "/api/v1/tenants", { body: { name: "another" } })
    const other = textAt(made, "api_key.key")
    const theirs = await service.request("GET", path, { key: other })
    assert.strictEqual(theirs.status, 404)

    second.close()
    await until("there is room again", async () => {
      const again = await service.stream("GET", path).catch(() => undefined)
      again?.close()
      return again !== undefined
    })
    model.open("on")
    await live.finished()
  })
})
