import { Redis } from "ioredis"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"
import { stopCleanly } from "../service/UseService.ts"
import { describeFault } from "./DescribeFault.ts"
import { type Operation, redis as matrix, redisFaults } from "./Matrix.ts"
import { countedBetween, countsOf, failureCounts, failureLines, hasFields } from "./Observations.ts"
import { redisProvocations } from "./RedisFaults.ts"
import { type RequestOperation, send, successStatus } from "./Requests.ts"
import { saveResults } from "./Results.ts"
import { runFault } from "./RunFault.ts"
import { makeTemplate, openStage, type Stage, type Template } from "./Stage.ts"

let server: RedisServer
let proxy: FaultProxy
let template: Template

/** A client of the test's own, beside the service. */
const withClient = async <A>(use: (client: Redis) => Promise<A>): Promise<A> => {
  const client = new Redis(server.url)
  try {
    return await use(client)
  } finally {
    client.disconnect()
  }
}

const empty = () => withClient((client) => client.flushall())

beforeAll(async () => {
  const desk = await fetch(inject("postgresDesk"))
  template = await makeTemplate(await desk.text())
  server = await startRedis()
  proxy = await startFaultProxy({ host: "127.0.0.1", port: server.port })
})

afterAll(async () => {
  await proxy.close()
  await server.stop()
  await template.remove()
})

for (const fault of redisFaults) {
  if (fault === "garbage in a key") continue
  const row = matrix[fault]
  describeFault("Redis", fault, row, async () => {
    await empty()
    const throughProxy = fault === "refused" || fault === "slow"
    const stage = await openStage(template, { redis: throughProxy ? proxy.url(server.url) : server.url })
    return runFault(stage, row, redisProvocations(server, proxy)[fault])
  })
}

describe("Redis: garbage in a key", () => {
  const row = matrix["garbage in a key"]
  const green = new Set<Operation>()
  let stage: Stage

  beforeAll(async () => {
    await empty()
    stage = await openStage(template, { redis: server.url })
  })
  afterAll(async () => {
    await saveResults("Redis", "garbage in a key", row, green, undefined)
    await stopCleanly(stage.service)
  })

  const garbage: ReadonlyArray<readonly [string, string]> = [
    ["no JSON", "{{{ secret garbage"],
    ["JSON of another kind", '{"secret":"garbage"}'],
    ["bytes", "\u0000\ufffd\u0001"]
  ]
  const keyOf: Readonly<Record<"authenticate" | "read session", string>> = {
    authenticate: "causeway:principal:*",
    "read session": "causeway:session:*"
  }

  for (const operation of ["authenticate", "read session"] as const satisfies ReadonlyArray<RequestOperation>) {
    const cell = row[operation]
    it.each(garbage)(`${operation}: the database answers, and the key is removed: %s`, async (kind, value) => {
      const ask = (name: string) => send(operation, stage, { name: `${name} ${kind}`.toLowerCase(), live: "" })
      const { body: expected } = await ask("before")
      const keys = await withClient((client) => client.keys(keyOf[operation]))
      assert.isNotEmpty(keys)
      await withClient((client) => Promise.all(keys.map((key) => client.set(key, value))))
      // The reader of a session has a key too: its own garbage is another matter.
      if (operation === "read session")
        await withClient(async (client) => client.del(...(await client.keys("*principal*"))))
      const before = await failureCounts(stage.service)
      const answer = await ask("during")
      assert.strictEqual(answer.status, successStatus[operation])
      assert.deepEqual(answer.body, expected)
      assert.isBelow(answer.millis, cell?.within ?? 0)
      assert.deepEqual(countedBetween(before, await failureCounts(stage.service)), cell?.counted)
      const lines = failureLines(stage.service, answer.requestId)
      assert.deepEqual(countsOf(lines), cell?.counted)
      hasFields(
        lines[0],
        operation === "read session"
          ? { session_id: template.kept, tenant_id: template.tenantId, api_key_hash: template.workerHash }
          : {}
      )
      // What was garbage is gone, and the next reader finds what the database said.
      const left = await withClient((client) => Promise.all(keys.map((key) => client.get(key))))
      assert.notInclude(left, value)
      assert.notInclude(stage.service.output(), "secret garbage")
      const after = await failureCounts(stage.service)
      assert.deepEqual((await ask("after")).body, expected)
      assert.deepEqual(countedBetween(after, await failureCounts(stage.service)), {})
      green.add(operation)
    })
  }
})
