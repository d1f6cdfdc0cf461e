import { assert, describe, it } from "vitest"
import type { Script } from "../../scripts/scripted-model/Script.ts"
import { rowsOf } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService()

const schema = { type: "object", properties: { count: { type: "integer" } }, required: ["count"] }

const answer = (output_format: unknown, ...steps: Script) =>
  setting().service.request("POST", "/api/v1/query/single", {
    body: { ...small, prompt: scripted("How many?", ...steps), output_format }
  })

const form = { type: "json_schema", schema } as const

describe("an answer in a form", () => {
  it("is in the result", async () => {
    const { body, status } = await answer(form, { tool: "StructuredOutput", input: { count: 7 } })
    assert.deepEqual([status, at(body, "structured_output")], [200, { count: 7 }])
  })

  it("that the model did not give is a failure, with what it said instead, and not a success", async () => {
    const { database, service } = setting()
    const silent = await answer(form, { text: "Seven.", repeat: true })
    assert.strictEqual(silent.status, 422)
    assert.deepEqual(
      [at(silent.body, "error.error_id"), at(silent.body, "error.code"), at(silent.body, "error.details.reason")],
      ["ERR_STRUCTURED_OUTPUT_MISSING", "STRUCTURED_OUTPUT_VALIDATION_ERROR", "absent"]
    )
    assert.strictEqual(at(silent.body, "error.details.result.result"), "Seven.")
    const wrong = await answer(form, { tool: "StructuredOutput", input: { count: "many" }, repeat: true })
    assert.deepEqual([wrong.status, at(wrong.body, "error.details.reason")], [422, "invalid"])
    const rows = await rowsOf(
      database,
      `SELECT runs.status, sessions.status AS session, error->>'error_id' AS error, runs.total_cost_usd > 0 AS paid
       FROM runs JOIN sessions ON sessions.id = session_id WHERE error IS NOT NULL`
    )
    const failed = { status: "failed", session: "error", error: "ERR_STRUCTURED_OUTPUT_MISSING", paid: true }
    assert.deepEqual(rows, [failed, failed])
    const lines = service.logs().filter(({ error_id }) => error_id === "ERR_STRUCTURED_OUTPUT_MISSING")
    assert.strictEqual(lines.length, 2)
    assert.match(String(lines[0]?.["run_id"]), /^[0-9a-f-]{36}$/)
  })

  it("is refused where it is none that can be used", async () => {
    const nonsense = await answer({ type: "json_schema", schema: { type: "nonsense" } }, { text: "?" })
    assert.deepEqual([nonsense.status, at(nonsense.body, "error.error_id")], [422, "ERR_OUTPUT_FORMAT_REFUSED"])
    assert.include(textAt(nonsense.body, "error.details.issue"), "data/type must be")
    const refused = [{ type: "json", schema }, { schema }, { type: "json_schema" }, { ...form, strict: true }, "json"]
    const long = { ...form, schema: { ...schema, description: "é".repeat(60_000) } }
    for (const output_format of [...refused, long]) {
      const { body, status } = await answer(output_format, { text: "?" })
      assert.deepEqual([status, at(body, "error.error_id")], [422, "ERR_VALIDATION"])
      assert.match(textAt(body, "error.details.issues.0.path"), /^body\.output_format/)
    }
  })
})

describe("what the agent does beside writing", () => {
  it("has its own types: thoughts, and the list of what there is to do", async () => {
    const stream = await setting().service.stream("POST", "/api/v1/query", {
      body: {
        ...small,
        model: "claude-sonnet-4-5",
        thinking: { type: "enabled", budget_tokens: 2048 },
        tools: ["TaskCreate", "TaskUpdate", "TaskList"],
        include_partial_messages: true,
        prompt: scripted(
          "Plan.",
          {
            thinking: "Two things.",
            tools: [
              { name: "TaskCreate", input: { subject: "Look", description: "Look around", activeForm: "Looking" } },
              { name: "TaskCreate", input: { subject: "Leap", description: "Leap far" } }
            ]
          },
          { tool: "TaskUpdate", input: { taskId: "1", status: "in_progress" } },
          { tool: "TaskUpdate", input: { taskId: "9", status: "completed" } },
          { tool: "TaskList", input: {} },
          { tool: "TaskUpdate", input: { taskId: "2", status: "deleted" } },
          { tool: "TaskUpdate", input: { taskId: "1", status: "completed", subject: "Look well" } },
          { text: "Done." }
        )
      }
    })
    await stream.finished()
    const look = { id: "1", content: "Look", status: "pending", active_form: "Looking" }
    const leap = { id: "2", content: "Leap", status: "pending", active_form: null }
    // A change that did not happen, and a list that says nothing new, are no events.
    assert.deepEqual(
      stream.all("todo").map(({ data }) => at(data, "todos")),
      [
        [look],
        [look, leap],
        [{ ...look, status: "in_progress" }, leap],
        [{ ...look, status: "in_progress" }],
        [{ ...look, content: "Look well", status: "completed" }]
      ]
    )
    const [thought] = stream
      .all("message")
      .flatMap(({ data }) => listAt(data, "content"))
      .filter((block) => at(block, "type") === "thinking")
    assert.strictEqual(at(thought, "thinking"), "Two things.")
    assert.isString(at(thought, "signature"))
    const deltas = stream
      .all("partial")
      .filter(({ data }) => at(data, "delta.type") === "thinking_delta")
      .map(({ data }) => at(data, "delta.thinking"))
    assert.strictEqual(deltas.join(""), "Two things.")
    const { body } = await setting().service.request("GET", `/api/v1/sessions/${stream.sessionId}/messages`)
    assert.deepEqual(at(body, "messages.1.content"), [thought])
  })
})
