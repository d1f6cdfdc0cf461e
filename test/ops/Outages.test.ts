// What the metrics show while a part of the outside is away.
import { Redis } from "ioredis"
import { randomBytes } from "node:crypto"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"
import { eventually } from "../service/Polling.ts"
import { held, small } from "../service/Prompts.ts"
import { makeDataDirectory, type Service, startService } from "../service/Service.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"
import { scrape, sumOf } from "./Metrics.ts"

const model = useModel()
let dataDir: string
let postgres: PostgresServer
let redis: RedisServer
let service: Service

beforeAll(async () => {
  dataDir = await makeDataDirectory()
  postgres = await startPostgres({ fsync: false })
  redis = await startRedis()
  service = await startService({
    database: postgres.url,
    redis: redis.url,
    dataDir,
    model: model().url,
    env: { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: join(dataDir, "workspaces") }
  })
})
afterAll(async () => {
  await stopCleanly(service)
  await Promise.all([postgres.stop(), redis.stop(), rm(dataDir, { recursive: true, force: true })])
})

const value = async (name: string, labels: Readonly<Record<string, string>> = {}) =>
  sumOf(await scrape(service), name, labels)

/** Waits until a metric has a value that fits. */
const becomes = (name: string, fits: (value: number) => boolean) =>
  eventually(`a fitting ${name}`, async () => (fits(await value(name)) ? true : undefined), 30_000)

describe("the metrics", () => {
  it("count a cached value that is nonsense, and that it was no hit for long", async () => {
    await service.request("GET", "/api/v1/sessions")
    const client = new Redis(redis.url)
    const keys = await client.keys("causeway:*")
    assert.isAbove(keys.length, 0)
    for (const key of keys) await client.set(key, "{ nonsense", "KEEPTTL")
    client.disconnect()
    assert.strictEqual((await service.request("GET", "/api/v1/sessions")).status, 200)
    assert.strictEqual(await value("cache_corruption_total"), 1)
    assert.strictEqual(await value("api_errors_total", { error_code: "ERR_CACHE_PARSE_FAILED" }), 1)
  })

  it("say that Redis is away, and that it is back", async () => {
    await redis.kill()
    await becomes("redis_down", (down) => down === 1)
    await redis.restart()
    await becomes("redis_down", (down) => down === 0)
  })

  it("count runs that are frozen while the database is, and calls that hold connections", async () => {
    const stream = await service.stream("POST", "/api/v1/query", { body: { prompt: held("Wait.", "ice"), ...small } })
    await stream.waitFor("init")
    await postgres.freeze()
    const asked = service.request("GET", "/api/v1/sessions")
    await becomes("db_calls_in_flight", (calls) => calls > 0)
    await becomes("leases_frozen_total", (frozen) => frozen === 1)
    await postgres.thaw()
    await asked
    model().open("ice")
    await stream.finished()
    assert.strictEqual(await value("runs_ended_total", { status: "completed" }), 1)
    await becomes("db_calls_in_flight", (calls) => calls === 0)
  })

  it("count connections that could not be had", async () => {
    assert.strictEqual(await value("db_pool_size"), 10)
    const before = await value("db_connection_errors_total")
    await postgres.kill()
    assert.strictEqual((await service.request("GET", "/api/v1/sessions")).status, 503)
    assert.isAbove(await value("db_connection_errors_total"), before)
    await postgres.restart()
    await eventually("an answer", async () =>
      (await service.request("GET", "/api/v1/sessions")).status === 200 ? true : undefined
    )
    await becomes("db_calls_in_flight", (calls) => calls === 0)
  })
})
