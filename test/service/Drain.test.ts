import { Agent, request as send } from "node:http"
import { assert, describe, it } from "vitest"
import { agentProcesses } from "./AgentProcesses.ts"
import { freshDatabase, rowsOf } from "./Database.ts"
import { startInstances } from "./Instances.ts"
import { at, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, small } from "./Prompts.ts"
import { type Service, startService } from "./Service.ts"
import { useModel } from "./UseService.ts"

const model = useModel()

/** Sends a prompt over a connection that is kept alive, and gives the answer's head. */
const ask = (service: Service, agent: Agent) =>
  new Promise<{ readonly status: number | undefined; readonly headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const outgoing = send(`${service.url}/api/v1/query/single`, {
        method: "POST",
        agent,
        headers: { "x-api-key": service.key, "content-type": "application/json" }
      })
      outgoing.once("error", reject)
      outgoing.once("response", (incoming) => {
        incoming.resume()
        incoming.once("end", () => resolve({ status: incoming.statusCode, headers: incoming.headers }))
      })
      outgoing.end(JSON.stringify({ ...small, prompt: "Hello." }))
    }
  )

describe("an instance that stops", () => {
  it("sends readers of other instances' runs away with their cursor, and they lose nothing", async () => {
    const { one, two, ...instances } = await startInstances(model().url)
    const owner = await one.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Slowly.", "elsewhere"), include_partial_messages: true }
    })
    await owner.waitFor("partial")
    const readers = await Promise.all([
      two.stream("GET", `/api/v1/runs/${owner.runId}/events`),
      two.stream("GET", `/api/v1/sessions/${owner.sessionId}/events`)
    ])
    await Promise.all(readers.map((reader) => reader.waitFor("partial")))
    assert.strictEqual(await two.stop(), 0, two.output())
    for (const reader of readers) {
      assert.strictEqual(reader.end, "complete")
      const [last] = reader.events.slice(-1)
      assert.strictEqual(at(last?.data, "status"), "instance_stopping")
      const seen = reader.events.slice(0, -1)
      assert.strictEqual(last?.id, seen.at(-1)?.id)
      const rest = await one.stream("GET", `/api/v1/runs/${owner.runId}/events?after=${last?.id}`)
      model().open("elsewhere")
      await Promise.all([rest.finished(), owner.finished()])
      assert.strictEqual(seen.map(({ text }) => text).join("") + rest.eventText, owner.eventText)
    }
    assert.strictEqual(await one.stop(), 0, one.output())
    await instances.stop()
  })

  it("refuses new work on a kept-alive connection, and a second signal ends its runs at once", async () => {
    const database = await freshDatabase()
    const service = await startService({ database, model: model().url, env: { SHUTDOWN_GRACE: "5 minutes" } })
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Slowly.", "never") }
    })
    await stream.waitFor("init")
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.strictEqual((await ask(service, agent)).status, 200)
    process.kill(service.pid, "SIGTERM")
    await until("the instance is not ready", async () => (await service.request("GET", "/health/ready")).status === 503)
    const refused = await ask(service, agent)
    assert.strictEqual(refused.status, 503)
    assert.strictEqual(refused.headers["retry-after"], "300")
    assert.strictEqual(refused.headers["connection"], "close")
    const { body } = await service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.strictEqual(textAt(body, "status"), "running")
    assert.isUndefined(stream.end)

    const told = performance.now()
    assert.strictEqual(await service.stop(), 0, service.output())
    assert.isBelow(performance.now() - told, 15_000)
    assert.deepEqual(stream.names.slice(-2), ["result", "done"])
    assert.strictEqual(at(stream.first("done").data, "reason"), "interrupted")
    assert.strictEqual(stream.end, "complete")
    const [run] = await rowsOf(database, "SELECT status, owner FROM runs WHERE id = $1", [stream.runId])
    assert.deepEqual(run, { status: "interrupted", owner: null })
    assert.deepEqual(agentProcesses(service.dataDir), [])
    agent.destroy()
  })
})
