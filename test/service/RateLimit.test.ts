import { assert, describe, it } from "vitest"
import { startInstances } from "./Instances.ts"
import { at, numberAt, textAt } from "./Json.ts"
import { eventually } from "./Polling.ts"
import { small } from "./Prompts.ts"
import { failToStart, type Service } from "./Service.ts"
import { stopCleanly, useModel, useService } from "./UseService.ts"

const setting = useService({ env: { RATE_LIMIT: "30", RATE_LIMIT_STARTS: "3" } })
const model = useModel()

/** A tenant of its own, so that tests do not use up each other's room. */
const newTenant = async (service: Service, name: string) => {
  const { body } = await service.request("POST", "/api/v1/tenants", { body: { name } })
  return textAt(body, "api_key.key")
}

const drain = async (services: ReadonlyArray<Service>, key: string) => {
  const statuses: Array<number> = []
  for (let sent = 0; sent < 40; sent++) {
    const service = services[sent % services.length]
    const { status } = (await service?.request("GET", "/api/v1/sessions", { key })) ?? { status: 0 }
    statuses.push(status)
  }
  return statuses
}

describe("a tenant's rate", () => {
  it("stands in every answer", async () => {
    const { service } = setting()
    const key = await newTenant(service, "polite")
    const first = await service.request("GET", "/api/v1/sessions", { key })
    assert.strictEqual(first.headers.get("ratelimit-policy"), `"requests";q=30;w=60`)
    assert.strictEqual(first.headers.get("ratelimit"), `"requests";r=29;t=2`)
    const second = await service.request("GET", "/api/v1/sessions/none", { key })
    assert.strictEqual(second.status, 422)
    assert.match(second.headers.get("ratelimit") ?? "", /^"requests";r=2[89];t=[34]$/)
    const start = await service.request("POST", "/api/v1/query", { key, body: { ...small, prompt: " " } })
    assert.strictEqual(start.headers.get("ratelimit-policy"), `"requests";q=30;w=60, "starts";q=3;w=60`)
    assert.match(start.headers.get("ratelimit") ?? "", /^"requests";r=2[789];t=\d, "starts";r=2;t=20$/)
  })

  it("ends in 429 with the time to wait, for it alone", async () => {
    const { service } = setting()
    const [fast, calm] = [await newTenant(service, "fast"), await newTenant(service, "calm")]
    const statuses = await drain([service], fast)
    assert.isAtLeast(statuses.filter((status) => status === 200).length, 30)
    assert.isAtLeast(statuses.filter((status) => status === 429).length, 5)
    const refused = await eventually("a refusal", async () => {
      const answer = await service.request("GET", "/api/v1/sessions", { key: fast })
      return answer.status === 429 ? answer : undefined
    })
    assert.strictEqual(at(refused.body, "error.error_id"), "ERR_RATE_LIMITED")
    const wait = numberAt(refused.body, "error.details.retry_after_seconds")
    assert.strictEqual(refused.headers.get("retry-after"), String(wait))
    assert.isTrue(wait >= 1 && wait <= 2, String(wait))
    assert.match(refused.headers.get("ratelimit") ?? "", /^"requests";r=0;t=\d+$/)
    assert.strictEqual((await service.request("GET", "/api/v1/sessions", { key: calm })).status, 200)
    assert.strictEqual((await service.request("GET", "/health", { key: null })).headers.get("ratelimit"), null)
    await new Promise((resolve) => setTimeout(resolve, wait * 1000))
    assert.strictEqual((await service.request("GET", "/api/v1/sessions", { key: fast })).status, 200)
  })

  it("of starts is smaller, and starts that are refused do not use up the requests", async () => {
    const { service } = setting()
    const key = await newTenant(service, "eager")
    const ask = () => service.request("POST", "/api/v1/query", { key, body: { ...small, prompt: "" } })
    const statuses = (await Promise.all(Array.from({ length: 8 }, ask))).map(({ status }) => status).toSorted()
    assert.deepEqual(statuses, [422, 422, 422, 429, 429, 429, 429, 429])
    const { headers, status } = await service.request("GET", "/api/v1/sessions", { key })
    assert.strictEqual(status, 200)
    assert.match(headers.get("ratelimit") ?? "", /^"requests";r=2[67];/)
  })

  it("must be a number or off", async () => {
    for (const value of ["0", "many"]) {
      const { code, stderr } = await failToStart({ database: "embedded", env: { RATE_LIMIT: value } })
      assert.strictEqual(code, 1)
      assert.include(stderr, "RATE_LIMIT must be off, or a whole number from 1 to 1000000.")
    }
  })
})

describe("with Redis", () => {
  it("all instances count together, and without it nobody is refused", async () => {
    const env = { RATE_LIMIT: "30", RATE_LIMIT_STARTS: "off" }
    const { one, redis, two, ...instances } = await startInstances(model().url, env)
    const key = await newTenant(one, "shared")
    const statuses = await drain([one, two], key)
    assert.isAtLeast(statuses.filter((status) => status === 429).length, 5)
    await redis.kill()
    const without = await drain([one, two], key)
    assert.deepEqual(
      without.filter((status) => status !== 200),
      []
    )
    const { text } = await one.request("GET", "/metrics", { key: null })
    assert.match(text, /^rate_limit_unmeasured_total [1-9]/m)
    await Promise.all([stopCleanly(one), stopCleanly(two)])
    await instances.stop()
  })
})
