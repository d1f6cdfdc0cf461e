import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freshDatabase } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import { small } from "./Prompts.ts"
import { failToStart, makeDataDirectory, type Service, type ServiceOptions, startService } from "./Service.ts"
import { rm } from "node:fs/promises"

/** Starts that must fail, and the one line that says why. */
const refused = async (starts: ReadonlyArray<readonly [Partial<ServiceOptions>, string | RegExp]>) => {
  const failed = await Promise.all(starts.map(([options]) => failToStart({ database: "embedded", ...options })))
  for (const [index, { code, stderr }] of failed.entries()) {
    const [, expected] = starts[index] ?? []
    assert.strictEqual(code, 1)
    assert.strictEqual(stderr.split("\n").length, 2, `one line and no more: ${stderr}`)
    if (typeof expected === "string") assert.strictEqual(stderr, `causeway: ${expected}\n`)
    else assert.match(stderr, expected ?? /$^/)
  }
}

describe("a setting that is wrong", () => {
  it("stops the start with one clear line", async () => {
    await refused([
      [{ env: { PORT: "99999" } }, "PORT must be a whole number from 0 to 65535."],
      [
        { env: { START_TIMEOUT: "soon" } },
        'START_TIMEOUT must be a time from 1 second to 5 minutes, such as "30 seconds".'
      ],
      [{ env: { DATABASE_URL: "mysql://localhost/x" } }, "DATABASE_URL must be a postgres:// URL."],
      [{ env: { API_KEY: "short" } }, "API_KEY must be 8 to 500 printable ASCII characters without spaces."]
    ])
  })

  it("or a combination that is", async () => {
    const redis = "redis://127.0.0.1:1"
    await refused([
      [{ redis }, "REDIS_URL needs DATABASE_URL: Redis keeps nothing by itself."],
      [
        { redis, database: "postgres://127.0.0.1:1/x", key: null },
        "With REDIS_URL several instances work together, so all must be given the same API_KEY, ENCRYPTION_KEY, WORKSPACE_ROOTS."
      ]
    ])
  })
})

describe("a first start without any setting", () => {
  let dataDir: string
  let service: Service
  let key: string

  beforeAll(async () => {
    dataDir = await makeDataDirectory()
    service = await startService({ database: "embedded", key: null, dataDir })
    key = (await readFile(join(dataDir, "api-key"), "utf8")).trim()
  })

  afterAll(async () => {
    await service.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it("makes keys that only their owner can read, and says where they are, not what they are", async () => {
    for (const name of ["api-key", "encryption-key"]) {
      const { mode } = await stat(join(dataDir, name))
      assert.strictEqual(mode & 0o777, 0o600)
      const lines = service.logs().filter(({ message }) => String(message).includes(join(dataDir, name)))
      assert.lengthOf(lines, 1)
    }
    assert.notInclude(service.output(), key)
    assert.strictEqual((await service.request("GET", "/api/v1/tenants", { key })).status, 200)
  })

  it("is alive, and says what it needs before it can work", async () => {
    const live = await service.request("GET", "/health/live", { key: null })
    assert.deepEqual([live.status, live.body], [200, { status: "live" }])
    const ready = await service.request("GET", "/health/ready", { key: null })
    assert.strictEqual(ready.status, 503)
    assert.strictEqual(at(ready.body, "status"), "not_ready")
    const [missing, ...others] = listAt(ready.body, "missing")
    assert.deepEqual(others, [])
    assert.strictEqual(at(missing, "what"), "model_credentials")
    assert.include(textAt(missing, "remedy"), "ANTHROPIC_API_KEY")
    for (const path of ["/health", "/api/v1/health"]) {
      const health = await service.request("GET", path, { key: null })
      assert.strictEqual(health.status, 200)
      assert.strictEqual(at(health.body, "status"), "degraded")
      assert.strictEqual(at(health.body, "dependencies.postgres.status"), "ok")
      assert.strictEqual(at(health.body, "dependencies.redis.status"), "off")
      assert.strictEqual(at(health.body, "dependencies.agent.status"), "error")
    }
  })

  it("refuses a query at once, with the remedy, and writes nothing", async () => {
    for (const path of ["/api/v1/query", "/api/v1/query/single"]) {
      const { body, headers, status } = await service.request("POST", path, { key, body: { ...small, prompt: "Hi" } })
      assert.strictEqual(status, 503)
      assert.strictEqual(at(body, "error.error_id"), "ERR_MODEL_CREDENTIALS_MISSING")
      assert.include(textAt(body, "error.message"), "Set ANTHROPIC_API_KEY")
      assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    }
    const { body } = await service.request("GET", "/api/v1/sessions", { key })
    assert.deepEqual(at(body, "sessions"), [])
  })

  it("keeps a second process off its data directory", async () => {
    const { code, stderr } = await failToStart({ database: "embedded", key: null, dataDir })
    assert.strictEqual(code, 1)
    assert.strictEqual(
      stderr,
      `causeway: ${dataDir} is in use by process ${service.pid}: stop it, or set DATA_DIR to another directory.\n`
    )
    assert.strictEqual((await service.request("GET", "/health/live", { key: null })).status, 200)
  })

  it("keeps its key over a restart", async () => {
    assert.strictEqual(await service.stop(), 0)
    service = await startService({ database: "embedded", key: null, dataDir })
    assert.strictEqual((await readFile(join(dataDir, "api-key"), "utf8")).trim(), key)
    assert.strictEqual((await service.request("GET", "/api/v1/tenants", { key })).status, 200)
  })
})

describe("one database without Redis", () => {
  it("is for one instance: a second is refused, and the first stays", async () => {
    const database = await freshDatabase()
    const first = await startService({ database })
    await refused([
      [
        { database },
        "Another instance already uses this database: set REDIS_URL for all of them to run several, or stop it."
      ]
    ])
    assert.strictEqual((await first.request("GET", "/api/v1/sessions")).status, 200)
    assert.strictEqual(await first.stop(), 0)
  })

  it("that cannot be reached is said in one line, without a word of the driver's", async () => {
    await refused([
      [{ database: "postgres://user:secret@127.0.0.1:1/x" }, "The database cannot be reached; nothing was changed."]
    ])
  })
})

describe("the operator's key", () => {
  it("may be changed: the new one is added, the old one stays", async () => {
    const database = await freshDatabase()
    const first = await startService({ database, key: "the-first-key" })
    assert.strictEqual(await first.stop(), 0)
    const second = await startService({ database, key: "the-second-key" })
    assert.strictEqual((await second.request("GET", "/api/v1/tenants", { key: "the-first-key" })).status, 200)
    const { body, status } = await second.request("GET", "/api/v1/tenants")
    assert.strictEqual(status, 200)
    assert.lengthOf(listAt(body, "tenants"), 1)
    assert.strictEqual(await second.stop(), 0)
  })
})
