import { assert, describe, it } from "vitest"
import { countRows } from "./Database.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, small } from "./Prompts.ts"
import { operatorKey } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { MAX_RUNS: "2", MAX_RUNS_PER_TENANT: "1" } })

const newTenant = async (name: string) => {
  const { body } = await setting().service.request("POST", "/api/v1/tenants", { body: { name } })
  return textAt(body, "api_key.key")
}

const begin = async (key: string) => {
  const body = { ...small, prompt: held("Stay.", "capacity") }
  const stream = await setting().service.stream("POST", "/api/v1/query", { key, body })
  await stream.waitFor("init")
  return stream
}

describe("as many runs as there may be", () => {
  it("leave no room for more, of one tenant or of all, until one of them is over", async () => {
    const { database, service } = setting()
    const [second, third] = [await newTenant("second"), await newTenant("third")]
    const live = [await begin(operatorKey)]
    const started = async () => {
      const { runs, sessions } = await countRows(database)
      return { runs, sessions }
    }
    const isRefused = async (key: string, limit: number) => {
      const before = await started()
      for (const path of ["/api/v1/query", "/api/v1/query/single"]) {
        const { body, headers, status } = await service.request("POST", path, { key, body: { ...small, prompt: "I?" } })
        assert.deepEqual([status, at(body, "error.error_id")], [429, "ERR_CAPACITY_EXCEEDED"], path)
        const wait = at(body, "error.details.retry_after_seconds")
        assert.deepEqual(at(body, "error.details"), { limit, retry_after_seconds: wait })
        assert.strictEqual(headers.get("retry-after"), String(wait))
        const requestId = headers.get("x-request-id")
        const line = await eventually("the line", () => service.logs().find((one) => one["request_id"] === requestId))
        assert.deepInclude(line, {
          error_id: "ERR_CAPACITY_EXCEEDED",
          level: "warn",
          status: 429,
          prompt_preview: "I?"
        })
      }
      assert.deepEqual(await started(), before)
    }
    await isRefused(operatorKey, 1)
    live.push(await begin(second))
    await isRefused(third, 2)

    const metrics = await service.request("GET", "/metrics", { key: null })
    assert.include(metrics.text, 'api_errors_total{error_code="ERR_CAPACITY_EXCEEDED"} 4\n')
    setting().model.open("capacity")
    await Promise.all(live.map((stream) => stream.finished()))
    await until("there is room again", async () => {
      const body = { ...small, prompt: "Now?" }
      return (await service.request("POST", "/api/v1/query/single", { key: third, body })).status === 200
    })
  })
})
