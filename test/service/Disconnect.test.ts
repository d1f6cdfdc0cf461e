import { assert, describe, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { DISCONNECT_GRACE: "1 second" } })

const statusOf = async (runId: string) =>
  at((await setting().service.request("GET", `/api/v1/runs/${runId}`)).body, "status")

describe("a client that goes away", () => {
  it("ends its run after a while, unless somebody else reads it or it was meant to go on", async () => {
    const { database, model, service } = setting()
    const start = async (gate: string, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> => {
      const stream = await service.stream("POST", "/api/v1/query", {
        headers,
        body: { ...small, prompt: held("Go.", gate) }
      })
      await stream.waitFor("message")
      return stream
    }
    const kept = await start("kept", { "idempotency-key": "go-on" })
    const read = await start("kept")
    const reader = await service.stream("GET", `/api/v1/runs/${read.runId}/events`)
    const single = new AbortController()
    const answer = fetch(`${service.url}/api/v1/query/single`, {
      method: "POST",
      headers: { "x-api-key": service.key, "content-type": "application/json" },
      body: JSON.stringify({ ...small, prompt: held("Single.", "never"), title: "single" }),
      signal: single.signal
    })
    const begun = async () =>
      rowsOf(database, "SELECT run_id FROM run_events JOIN sessions ON sessions.id = session_id WHERE title = 'single'")
    await until("the single run has begun", async () => (await begun()).length > 0)
    const singleRun = String((await begun())[0]?.["run_id"])
    kept.close()
    read.close()
    single.abort()
    const failure: unknown = await answer.catch((cause: unknown) => cause)
    assert.propertyVal(failure, "name", "AbortError")

    // This one goes away last: when its time is over, that of the others is too.
    const left = await start("never")
    left.close()
    await until("the run that nobody reads is interrupted", async () => (await statusOf(left.runId)) === "interrupted")
    await until("the single run too", async () => (await statusOf(singleRun)) === "interrupted")
    assert.strictEqual(await statusOf(kept.runId), "running")
    assert.strictEqual(await statusOf(read.runId), "running")

    model.open("kept")
    await reader.finished()
    assert.strictEqual(at(reader.first("done").data, "reason"), "completed")
    await until("the run that was to go on is over", async () => (await statusOf(kept.runId)) === "completed")
    const again = await service.stream("POST", "/api/v1/query", {
      headers: { "idempotency-key": "go-on" },
      body: { ...small, prompt: held("Go.", "kept") }
    })
    await again.finished()
    assert.strictEqual(again.runId, kept.runId)
    assert.strictEqual(at(again.first("result").data, "result"), "half and half")
    await untilNoAgents(service.dataDir)
    assert.deepEqual(
      model
        .requests()
        .map(({ answer }) => answer.state)
        .toSorted(),
      ["closed", "closed", "complete", "complete"]
    )
  })
})
