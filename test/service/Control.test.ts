import { randomUUID } from "node:crypto"
import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted } from "./Prompts.ts"
import { operatorKey } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService()

/** A key that may bypass permissions. */
let bold: string

const control = (session: string, body: unknown, key?: string) =>
  setting().service.request("POST", `/api/v1/sessions/${session}/control`, {
    body,
    ...(key === undefined ? {} : { key })
  })

/** A run that wants to write a file, once the model's gate is open, and then says which model it is. */
const start = async (gate: string, key?: string): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", "/api/v1/query", {
    body: {
      prompt: scripted(
        "Write.",
        { tool: "Bash", input: { command: `touch ${gate}.txt` }, hold: gate },
        { text: "I am {{model}}." }
      ),
      tools: ["Bash"],
      system_prompt: "Answer."
    },
    ...(key === undefined ? {} : { key })
  })
  await stream.waitFor(({ event }) => event === "init")
  return stream
}

const finish = async (stream: EventReader, gate: string) => {
  setting().model.open(gate)
  await stream.finished()
  assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
}

const statuses = (stream: EventReader) =>
  stream.all("status").map(({ data }) => [at(data, "status"), at(data, "message")])

beforeAll(async () => {
  const { body } = await setting().service.request("POST", "/api/v1/api-keys", {
    body: { name: "bold", scopes: ["query", "bypass_permissions"] }
  })
  bold = textAt(body, "key")
})

describe("a live run", () => {
  it("changes its permission mode and its model, and says so", async () => {
    const stream = await start("bold", bold)
    const body = { permission_mode: "bypassPermissions", model: "claude-opus-4-6" }
    const changed = await control(stream.sessionId, body, bold)
    assert.strictEqual(changed.status, 200, changed.text)
    assert.deepEqual(changed.body, {
      status: "accepted",
      session_id: stream.sessionId,
      run_id: stream.runId,
      ...body
    })
    await finish(stream, "bold")
    assert.deepEqual(stream.all("permission_denied"), [])
    assert.strictEqual(at(stream.first("result").data, "result"), "I am claude-opus-4-6.")
    assert.deepEqual(statuses(stream), [
      ["permission_mode_changed", "bypassPermissions"],
      ["model_changed", "claude-opus-4-6"]
    ])
    const rows = await rowsOf(
      setting().database,
      `SELECT kind, refusal, acknowledged_at IS NOT NULL AS taken FROM run_controls WHERE run_id = '${stream.runId}'`
    )
    assert.deepEqual(rows, [{ kind: "change", refusal: null, taken: true }])
    const over = await control(stream.sessionId, { permission_mode: "plan" })
    assert.deepEqual([over.status, at(over.body, "error.error_id")], [409, "ERR_SESSION_IDLE"])
  })

  it("takes no more than its key and this one may, and nothing that is none", async () => {
    const { service } = setting()
    const stream = await start("timid")
    const { body: tenant } = await service.request("POST", "/api/v1/tenants", {
      key: operatorKey,
      body: { name: "strangers" }
    })
    const bypass = { type: "permission_mode_change", permission_mode: "bypassPermissions" }
    const cases: ReadonlyArray<readonly [string, unknown, string | undefined, number, string]> = [
      [stream.sessionId, bypass, undefined, 403, "ERR_FORBIDDEN"],
      [stream.sessionId, bypass, bold, 409, "ERR_RUN_CHANGE_REFUSED"],
      [stream.sessionId, bypass, textAt(tenant, "api_key.key"), 403, "ERR_FORBIDDEN"],
      [stream.sessionId, { permission_mode: "plan" }, textAt(tenant, "api_key.key"), 404, "ERR_SESSION_NOT_FOUND"],
      [randomUUID(), { permission_mode: "plan" }, undefined, 404, "ERR_SESSION_NOT_FOUND"],
      ["none", { permission_mode: "plan" }, undefined, 422, "ERR_VALIDATION"],
      [stream.sessionId, {}, undefined, 422, "ERR_VALIDATION"],
      [stream.sessionId, { type: "permission_mode_change" }, undefined, 422, "ERR_VALIDATION"],
      [stream.sessionId, { type: "model_change", permission_mode: "plan" }, undefined, 422, "ERR_VALIDATION"],
      [stream.sessionId, { type: "other", permission_mode: "plan" }, undefined, 422, "ERR_VALIDATION"],
      [stream.sessionId, { permission_mode: "anything" }, undefined, 422, "ERR_VALIDATION"]
    ]
    for (const [session, body, key, status, error_id] of cases) {
      const answer = await control(session, body, key)
      assert.deepEqual([answer.status, at(answer.body, "error.error_id")], [status, error_id], JSON.stringify(body))
    }
    await finish(stream, "timid")
    assert.lengthOf(stream.all("permission_denied"), 1)
    assert.deepEqual(statuses(stream), [])
    assert.lengthOf(listAt(stream.first("result").data, "permission_denials"), 1)
    const line = service.logs().find((found) => found["error_id"] === "ERR_RUN_CHANGE_REFUSED")
    assert.strictEqual(line?.["run_id"], stream.runId)
  })
})
