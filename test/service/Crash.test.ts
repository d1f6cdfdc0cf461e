import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { agentProcesses, untilNoAgents } from "./AgentProcesses.ts"
import type { EventReader } from "./EventReader.ts"
import { at } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import { makeDataDirectory, type Service, startService } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"

const model = useModel()

describe("a service that is killed in the middle of a run, on the embedded database", () => {
  let dataDir: string
  let service: Service
  let live: EventReader
  let replay: EventReader

  const start = () => startService({ database: "embedded", dataDir, model: model().url })

  beforeAll(async () => {
    dataDir = await makeDataDirectory()
    service = await start()
    live = await service.stream("POST", "/api/v1/query", {
      body: {
        prompt: scripted(
          "Remember the fig.",
          { tool: "Bash", input: { command: "echo one" } },
          { text: "Waiting. ", tools: [{ name: "Bash", id: "toolu_pending", input: { command: "sleep 3600" } }] }
        ),
        tools: ["Bash"],
        allowed_tools: ["Bash"],
        system_prompt: "Answer."
      }
    })
    await live.waitFor(({ data }) => at(data, "content.0.id") === "toolu_pending")
    // The wrappers, the CLI, its shell and the command.
    await until("the command runs", () => agentProcesses(dataDir).length >= 4)
    await service.kill9()
    await live.finished()
  })

  afterAll(async () => {
    await stopCleanly(service)
    await rm(dataDir, { recursive: true, force: true })
  })

  it("cuts its streams, and takes all processes of its agents with it", async () => {
    assert.strictEqual(live.end, "cut")
    assert.notInclude(live.names, "done")
    await untilNoAgents(dataDir)
  })

  it("has the next start end the run as lost, naming the tool call that was under way", async () => {
    service = await start()
    const run = await eventually("the run is over", async () => {
      const { body } = await service.request("GET", `/api/v1/runs/${live.runId}`)
      return at(body, "ended_at") === null ? undefined : body
    })
    assert.deepInclude(run, { status: "lost", cost_unknown: true, total_cost_usd: null })
    assert.strictEqual(at(run, "error.error_id"), "ERR_RUN_LOST")
    replay = await service.stream("GET", `/api/v1/runs/${live.runId}/events`)
    await replay.finished()
    assert.deepEqual(replay.names.slice(-2), ["error", "done"])
    const error = replay.first("error").data
    assert.deepInclude(error, { error_id: "ERR_RUN_LOST", code: "RUN_LOST", fatal: true })
    assert.deepEqual(at(error, "details"), { run_id: live.runId, pending_tool_use_id: "toolu_pending" })
    assert.strictEqual(at(replay.first("done").data, "reason"), "error")
    const lines = service.logs().filter((line) => line["error_id"] === "ERR_RUN_LOST")
    assert.deepEqual(
      lines.map((line) => line["run_id"]),
      [live.runId]
    )
  })

  it("loses nothing that a reader had seen, and leaves no gap", () => {
    assert.isTrue(replay.eventText.startsWith(live.eventText))
    assert.deepEqual(
      replay.events.map(({ id }) => Number(id)),
      replay.events.map((_, index) => index + 1)
    )
  })

  it("leaves the session as failed, and able to go on", async () => {
    const path = `/api/v1/sessions/${live.sessionId}`
    const { body } = await service.request("GET", path)
    assert.deepInclude(body, { status: "error", cost_unknown: true })
    const next = await service.stream("POST", `${path}/resume`, {
      body: { ...small, prompt: scripted("Go on.", { recall: true }) }
    })
    await next.finished()
    assert.strictEqual(at(next.first("done").data, "reason"), "completed")
    assert.include(String(at(next.first("result").data, "result")), "[0] Remember the fig.")
    assert.strictEqual(Number(next.events[0]?.id), replay.events.length + 1)
    const { body: after } = await service.request("GET", path)
    assert.deepInclude(after, { status: "completed", cost_unknown: true })
  })

  it("leaves no files of the agents that died", async () => {
    const turns = await readdir(join(dataDir, "agents", "turns"))
    assert.deepEqual(
      turns.filter((name) => !name.includes(`~${service.pid}~`)),
      []
    )
  })
})
