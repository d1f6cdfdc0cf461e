import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freshDatabase } from "../service/Database.ts"
import { textAt } from "../service/Json.ts"
import { eventually } from "../service/Polling.ts"
import { scripted, small } from "../service/Prompts.ts"
import { Secrets } from "../service/Secrets.ts"
import { type LogLine, type Service, startService } from "../service/Service.ts"
import { leaksIn } from "../service/SuiteSecrets.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"

const model = useModel()
let service: Service

/** The server asks for none; the service is given one that must not show. */
const withPassword = (url: string): string => url.replace("postgres@", "postgres:database-password@")

beforeAll(async () => {
  service = await startService({ database: withPassword(await freshDatabase()), model: model().url })
})
afterAll(() => stopCleanly(service))

const lineOf = (error_id: string): Promise<LogLine> =>
  eventually(`a line with ${error_id}`, () => service.logs().find((line) => line["error_id"] === error_id))

describe("the log line of a run's failure", () => {
  const prompt = scripted("Fail after the beginning.", { error: "authentication" })
  let line: LogLine
  let session: string
  let run: string

  beforeAll(async () => {
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { prompt, ...small },
      headers: { "x-request-id": "failing-request" }
    })
    await stream.finished()
    session = stream.sessionId
    run = stream.runId
    line = await lineOf(textAt(stream.first("error").data, "error_id"))
  })

  it("says which failure, request, session, run and tenant it was", () => {
    assert.strictEqual(line["request_id"], "failing-request")
    assert.strictEqual(line["session_id"], session)
    assert.strictEqual(line["run_id"], run)
    assert.match(String(line["tenant_id"]), /^[0-9a-f-]{36}$/)
    assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.include(["warn", "error", "fatal"], line["level"])
  })

  it("has the key's hash and the beginning of the prompt", () => {
    assert.match(String(line["api_key_hash"]), /^[0-9a-f]{64}$/)
    assert.strictEqual(line["prompt_preview"], prompt.slice(0, 100))
  })

  it("stands there once", () => {
    const same = service.logs().filter((other) => other["error_id"] === line["error_id"])
    assert.strictEqual(same.length, 1, JSON.stringify(same))
  })

  it("is one line of JSON like every other", () => {
    for (const text of service.output().split("\n").filter(Boolean)) {
      assert.doesNotThrow(() => {
        JSON.parse(text)
      }, text)
    }
  })
})

describe("the check for secrets", () => {
  it("finds every kind of them", async () => {
    const secrets = new Secrets({
      API_KEY: "operator-secret",
      DATABASE_URL: "postgres://user:p%40ssword-of-db@h/d",
      REDIS_URL: "redis://:redis-password@h"
    })
    secrets.learn({ id: "1", key: "issued-key-secret" })
    secrets.learn({ api_key: { key: "tenant-key-secret" } })
    const found = async (output: string) =>
      secrets.assertNoneIn(output, "/nonexistent").then(
        () => false,
        () => true
      )
    for (const leak of [
      "operator-secret",
      "p@ssword-of-db",
      "p%40ssword-of-db",
      "redis-password",
      "issued-key-secret"
    ]) {
      assert.isTrue(await found(`a line\nwith ${leak} in it`), leak)
    }
    assert.isTrue(await found("tenant-key-secret"))
    assert.isFalse(await found("nothing of it"))
  })

  it("looks, when all tests are over, for the secrets of each service in what the others wrote", async () => {
    const directory = await mkdtemp(join(tmpdir(), "causeway-leaks-"))
    const write = (name: string, text: string) => writeFile(join(directory, name), text)
    await write("one.secrets", JSON.stringify(["secret-of-the-first"]))
    await write("one.output", "nothing\n")
    await write("two.secrets", JSON.stringify(["secret-of-the-second"]))
    await write("two.output", "something\nabout secret-of-the-first\n")
    await write("three.output", `a key: cw_${"k".repeat(43)}.`)
    assert.sameMembers([...(await leaksIn(directory))], ["about secret-of-the-first", `a key: cw_${"k".repeat(43)}.`])
    await write("two.output", "something\n")
    await write("three.output", "a key: cw_wrong")
    assert.deepEqual(await leaksIn(directory), [])
    await rm(directory, { recursive: true })
  })
})
