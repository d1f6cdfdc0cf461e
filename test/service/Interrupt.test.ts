import { randomUUID } from "node:crypto"
import { assert, describe, it } from "vitest"
import { agentProcesses, untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import { at, listAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

describe("an interrupt", () => {
  it("ends a run in the middle of its text", async () => {
    const { model, service } = setting()
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Write for long.", "never"), include_partial_messages: true }
    })
    await stream.waitFor(({ data }) => at(data, "delta.type") === "text_delta")
    assert.isNotEmpty(agentProcesses(service.dataDir))
    const { body, status } = await service.request("POST", `/api/v1/sessions/${stream.sessionId}/interrupt`)
    assert.strictEqual(status, 200)
    assert.deepEqual(body, { status: "interrupted", session_id: stream.sessionId, run_id: stream.runId })
    await stream.finished()
    assert.deepEqual(stream.names.slice(-2), ["result", "done"])
    assert.strictEqual(at(stream.first("done").data, "reason"), "interrupted")
    await untilNoAgents(service.dataDir)
    await until("the model's answer is hung up on", () =>
      model.requests().every(({ answer }) => answer.state !== "open")
    )
    const { body: run } = await service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.strictEqual(at(run, "status"), "interrupted")
    const { body: session } = await service.request("GET", `/api/v1/sessions/${stream.sessionId}`)
    assert.strictEqual(at(session, "status"), "completed")
  })

  it("ends a run in the middle of a command, and the command with it", async () => {
    const { service } = setting()
    const marker = `3600.${process.pid}`
    const stream = await service.stream("POST", "/api/v1/query", {
      body: {
        prompt: scripted(
          "Wait.",
          { tool: "Bash", input: { command: `echo begun; sleep ${marker}` } },
          { text: "Over." }
        ),
        tools: ["Bash"],
        allowed_tools: ["Bash"],
        system_prompt: "Answer."
      }
    })
    await stream.waitFor(({ data }) => at(data, "content.0.name") === "Bash")
    // The wrappers, the CLI, its shell and the command.
    await until("the command runs", () => agentProcesses(service.dataDir).length >= 4)
    const { status } = await service.request("POST", `/api/v1/sessions/${stream.sessionId}/interrupt`)
    assert.strictEqual(status, 200)
    await stream.finished()
    assert.strictEqual(at(stream.first("done").data, "reason"), "interrupted")
    await untilNoAgents(service.dataDir)
    const { body: run } = await service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.strictEqual(at(run, "status"), "interrupted")

    const next = await service.stream("POST", `/api/v1/sessions/${stream.sessionId}/resume`, {
      body: { ...small, prompt: scripted("Go on.", { recall: true }) }
    })
    await next.finished()
    assert.strictEqual(at(next.first("done").data, "reason"), "completed")
    assert.include(String(at(next.first("result").data, "result")), "[0] Wait.")
  })

  it("of a single answer is its failure, with what was done until then", async () => {
    const { database, service } = setting()
    const answer = service.request("POST", "/api/v1/query/single", {
      body: { ...small, title: "single", prompt: held("Write for long.", "never") }
    })
    const found = async () => rowsOf(database, "SELECT id FROM sessions WHERE title = 'single' AND last_seq >= 0")
    await until("the session exists", async () => (await found()).length === 1)
    await until(
      "the run has begun",
      async () =>
        (
          await rowsOf(
            database,
            "SELECT 1 FROM run_events WHERE session_id = (SELECT id FROM sessions WHERE title = 'single')"
          )
        ).length > 0
    )
    const [session] = await found()
    await service.request("POST", `/api/v1/sessions/${session?.["id"]}/interrupt`)
    const { body, status } = await answer
    assert.strictEqual(status, 409)
    assert.strictEqual(at(body, "error.error_id"), "ERR_RUN_INTERRUPTED")
    assert.strictEqual(at(body, "error.details.result.saved"), true)
  })

  it("of an idle session is 409, of an unknown one 404", async () => {
    const { service } = setting()
    const { body: list } = await service.request("GET", "/api/v1/sessions")
    const [session] = listAt(list, "sessions")
    const idle = await service.request("POST", `/api/v1/sessions/${at(session, "id")}/interrupt`)
    assert.deepEqual([idle.status, at(idle.body, "error.error_id")], [409, "ERR_SESSION_IDLE"])
    const unknown = await service.request("POST", `/api/v1/sessions/${randomUUID()}/interrupt`)
    assert.deepEqual([unknown.status, at(unknown.body, "error.error_id")], [404, "ERR_SESSION_NOT_FOUND"])
  })
})
