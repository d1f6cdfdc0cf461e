import { assert, beforeAll, describe, it } from "vitest"
import type { EventReader } from "./EventReader.ts"
import { at, listAt } from "./Json.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

describe("a run that goes on", () => {
  let live: EventReader
  let beside: EventReader
  let late: EventReader

  beforeAll(async () => {
    const { model, service } = setting()
    live = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: held("Slowly.", "attach"), include_partial_messages: true }
    })
    const firstDelta = await live.waitFor("partial")
    beside = await service.stream("GET", `/api/v1/runs/${live.runId}/events`)
    late = await service.stream("GET", `/api/v1/runs/${live.runId}/events?after=${firstDelta.id}`)
    await beside.waitFor("partial")
    assert.deepEqual([live.end, beside.end, late.end], [undefined, undefined, undefined])
    model.open("attach")
    await Promise.all([live.finished(), beside.finished(), late.finished()])
  })

  it("can be followed by others, who see the same bytes", () => {
    assert.strictEqual(beside.eventText, live.eventText)
    assert.strictEqual(beside.frames[0]?.text, "retry: 1000\nid: 0\n\n")
  })

  it("can be followed from the middle on", () => {
    const seen = Number(live.first("partial").id)
    assert.strictEqual(late.frames[0]?.text, `retry: 1000\nid: ${seen}\n\n`)
    const rest = live.events.filter(({ id }) => Number(id) > seen)
    assert.strictEqual(late.eventText, rest.map(({ text }) => text).join(""))
  })

  it("sends its text as it is written where that was asked for, and it adds up", () => {
    const deltas = live.all("partial").filter(({ data }) => at(data, "delta.type") === "text_delta")
    assert.isAbove(deltas.length, 1)
    assert.strictEqual(deltas.map(({ data }) => at(data, "delta.text")).join(""), "half and half")
    assert.strictEqual(at(live.first("result").data, "result"), "half and half")
  })
})

describe("a run that is over", () => {
  let live: EventReader

  beforeAll(async () => {
    live = await setting().service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: scripted("Quickly.", { text: "one two three four", chunk: 4 }) }
    })
    await live.finished()
  })

  const replay = async (query: string, headers: Readonly<Record<string, string>> = {}) => {
    const reader = await setting().service.stream("GET", `/api/v1/runs/${live.runId}/events${query}`, { headers })
    await reader.finished()
    assert.strictEqual(reader.end, "complete")
    return reader
  }

  const after = (seen: number) =>
    live.events
      .filter(({ id }) => Number(id) > seen)
      .map(({ text }) => text)
      .join("")

  it("has no partial events unless they were asked for", () => {
    assert.deepEqual(live.names, ["init", "message", "message", "result", "done"])
  })

  it("is replayed byte for byte", async () => {
    const whole = await replay("")
    assert.strictEqual(whole.eventText, live.eventText)
    assert.strictEqual(whole.frames[0]?.text, live.frames[0]?.text)
  })

  it("is replayed from a number on", async () => {
    const rest = await replay("?after=3")
    assert.strictEqual(rest.eventText, after(3))
    assert.strictEqual(rest.frames[0]?.text, "retry: 1000\nid: 3\n\n")
    assert.deepEqual(rest.names, ["result", "done"])
  })

  it("is replayed from Last-Event-ID on, which goes before `after`", async () => {
    assert.strictEqual((await replay("", { "last-event-id": "2" })).eventText, after(2))
    assert.strictEqual((await replay("?after=1", { "last-event-id": "4" })).eventText, after(4))
  })

  it("answers 204 to a reader who has seen all of it, so that a browser stops", async () => {
    for (const query of ["?after=5", "?after=500"]) {
      const { headers, status, text } = await setting().service.request(
        "GET",
        `/api/v1/runs/${live.runId}/events${query}`
      )
      assert.deepEqual({ status, text, type: headers.get("content-type") }, { status: 204, text: "", type: null })
    }
    const { status } = await setting().service.request("GET", `/api/v1/runs/${live.runId}/events`, {
      headers: { "last-event-id": "5" }
    })
    assert.strictEqual(status, 204)
  })
})

describe("a single answer", () => {
  it("has all that the agent wrote, and the result", async () => {
    const { service } = setting()
    const { body, headers, status } = await service.request("POST", "/api/v1/query/single", {
      body: {
        prompt: scripted(
          "Look.",
          { thinking: "Let me see.", text: "Looking. ", tool: "Bash", input: { command: "echo seen" } },
          { text: "I saw {{last_tool_result}}." }
        ),
        tools: ["Bash"],
        system_prompt: "Answer."
      }
    })
    assert.strictEqual(status, 200)
    assert.match(headers.get("content-type") ?? "", /^application\/json/)
    assert.deepEqual(
      listAt(body, "content").map((block) => [at(block, "type"), at(block, "text") ?? at(block, "name")]),
      [
        ["thinking", undefined],
        ["text", "Looking. "],
        ["tool_use", "Bash"],
        ["text", "I saw seen."]
      ]
    )
    const {
      content: _content,
      model_usage: _usage,
      session_id,
      run_id,
      duration_ms,
      total_cost_usd,
      usage,
      ...rest
    } = Object(body)
    assert.deepEqual(rest, {
      model: "claude-sonnet-5-5",
      is_error: false,
      saved: true,
      result: "I saw seen.",
      stop_reason: "end_turn",
      num_turns: 2,
      cost_unknown: false,
      permission_denials: []
    })
    assert.isAbove(duration_ms, 0)
    assert.isAbove(total_cost_usd, 0)
    assert.isAbove(usage.output_tokens, 0)
    const { body: run } = await service.request("GET", `/api/v1/runs/${run_id}`)
    assert.deepInclude(run, { session_id, status: "completed", total_cost_usd, usage })
  })
})

describe("a model that fails after the agent has begun", () => {
  const refusal = scripted("Fail.", { error: "billing" })

  it("is an error event, and the run's state", async () => {
    const { service } = setting()
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { ...small, prompt: refusal },
      headers: { "x-request-id": "request-that-fails" }
    })
    await stream.finished()
    assert.deepEqual(stream.names, ["init", "message", "error", "done"])
    const { details, ...error } = Object(stream.first("error").data)
    assert.deepEqual(error, {
      code: "MODEL_ERROR",
      error_id: "ERR_MODEL_BILLING_FAILED",
      message: "The model account's credit or billing does not allow this.",
      retry: "no",
      request_id: "request-that-fails",
      fatal: true
    })
    assert.isNull(details.result.result)
    assert.strictEqual(at(stream.first("done").data, "reason"), "error")
    const { body: run } = await service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.strictEqual(at(run, "status"), "failed")
    assert.deepEqual(at(run, "error"), { code: error.code, error_id: error.error_id, message: error.message })
    const { body: session } = await service.request("GET", `/api/v1/sessions/${stream.sessionId}`)
    assert.strictEqual(at(session, "status"), "error")
    const line = service.logs().filter((line) => line["error_id"] === "ERR_MODEL_BILLING_FAILED")
    assert.lengthOf(line, 1)
    assert.deepInclude(line[0], {
      request_id: "request-that-fails",
      run_id: stream.runId,
      session_id: stream.sessionId
    })
    assert.match(String(line[0]?.["api_key_hash"]), /^[0-9a-f]{64}$/)
    assert.isTrue(String(line[0]?.["prompt_preview"]).startsWith("Fail."))
  })

  it("is a status, with what was done until then, never 200", async () => {
    const { service } = setting()
    const { body, headers, status } = await service.request("POST", "/api/v1/query/single", {
      body: { ...small, prompt: refusal }
    })
    assert.strictEqual(status, 502)
    assert.strictEqual(headers.get("content-type"), "application/problem+json")
    assert.strictEqual(at(body, "error.error_id"), "ERR_MODEL_BILLING_FAILED")
    assert.isNull(at(body, "error.details.result.result"))
    assert.strictEqual(at(body, "error.details.result.num_turns"), 1)
  })
})
