import { assert, describe, it } from "vitest"
import { agentProcesses } from "./AgentProcesses.ts"
import { freshDatabase, rowsOf } from "./Database.ts"
import { at, listAt } from "./Json.ts"
import { eventually } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { startService } from "./Service.ts"
import { useModel } from "./UseService.ts"

const model = useModel()

describe("SIGTERM", () => {
  it("lets a run finish, and takes no new one", async () => {
    const database = await freshDatabase()
    const service = await startService({ database, model: model().url, env: { SHUTDOWN_GRACE: "40 seconds" } })
    const stream = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Go.", "finish") } })
    await stream.waitFor("message")
    const stopped = service.stop("SIGTERM")
    const refused = await eventually("a request is refused", async () => {
      const answer = await service.request("POST", "/api/v1/query", { body: { ...small, prompt: "More." } })
      return answer.status === 503 ? answer : undefined
    })
    assert.strictEqual(at(refused.body, "error.error_id"), "ERR_SHUTTING_DOWN")
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    const ready = await service.request("GET", "/health/ready", { key: null })
    assert.strictEqual(ready.status, 503)
    assert.deepEqual(
      listAt(ready.body, "missing").map((part) => at(part, "what")),
      ["shutting_down"]
    )
    assert.strictEqual((await service.request("GET", `/api/v1/runs/${stream.runId}`)).status, 200)
    model().open("finish")
    await stream.finished()
    assert.strictEqual(at(stream.first("result").data, "result"), "half and half")
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
    assert.strictEqual(stream.end, "complete")
    assert.strictEqual(await stopped, 0)
    assert.deepEqual(agentProcesses(service.dataDir), [])
    // The answer that was refused may have come before the signal did: what it started is over too.
    const rows = await rowsOf(database, "SELECT status FROM runs WHERE status NOT IN ('completed', 'interrupted')")
    assert.deepEqual(rows, [])
  })

  it("interrupts a run that does not finish in time, with its command", async () => {
    const database = await freshDatabase()
    const service = await startService({ database, model: model().url, env: { SHUTDOWN_GRACE: "1 second" } })
    const stream = await service.stream("POST", "/api/v1/query", {
      body: {
        prompt: scripted("Wait.", { tool: "Bash", input: { command: "sleep 3600" } }),
        tools: ["Bash"],
        allowed_tools: ["Bash"]
      }
    })
    await stream.waitFor(({ data }) => at(data, "content.0.name") === "Bash")
    assert.strictEqual(await service.stop("SIGINT"), 0)
    await stream.finished()
    assert.strictEqual(at(stream.first("done").data, "reason"), "interrupted")
    assert.deepEqual(agentProcesses(service.dataDir), [])
    assert.deepEqual(await rowsOf(database, "SELECT status FROM runs"), [{ status: "interrupted" }])
  })
})
