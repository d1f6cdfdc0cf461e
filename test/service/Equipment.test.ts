import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted, small } from "./Prompts.ts"
import { operatorKey, type RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService()

let stranger: string

const ask = (method: string, path: string, options: RequestOptions = {}) =>
  setting().service.request(method, `/api/v1${path}`, options)

const make = async (path: string, body: Readonly<Record<string, unknown>>) => {
  const answer = await ask("POST", path, { body })
  assert.strictEqual(answer.status, 201, answer.text)
  return textAt(answer.body, "id")
}

const run = async (body: Readonly<Record<string, unknown>>, path = "/query"): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", `/api/v1${path}`, { body })
  await stream.finished()
  assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
  return stream
}

/** A request whose agent cannot be equipped starts nothing. */
const refused = async (
  body: Readonly<Record<string, unknown>>,
  status: number,
  error_id: string,
  options: RequestOptions = {}
) => {
  const before = await rowsOf(setting().database, "SELECT id FROM sessions")
  for (const path of ["/query", "/query/single"]) {
    const answer = await ask("POST", path, { ...options, body: { prompt: "Hello.", ...body } })
    assert.deepEqual([answer.status, at(answer.body, "error.error_id")], [status, error_id], answer.text)
  }
  assert.lengthOf(await rowsOf(setting().database, "SELECT id FROM sessions"), before.length)
}

beforeAll(async () => {
  const { body } = await ask("POST", "/tenants", { key: operatorKey, body: { name: "strangers" } })
  stranger = textAt(body, "api_key.key")
})

describe("projects", () => {
  const look = scripted("Where?", { tool: "Bash", input: { command: "pwd" } }, { text: "Here." })
  let project: string
  let stream: EventReader

  beforeAll(async () => {
    project = await make("/projects", { name: "garden", path: "land/garden" })
    stream = await run({ prompt: look, project_id: project, allowed_tools: ["Bash(pwd)"] })
  })

  it("their sessions start in their workspace, and are found by them, as are forks", async () => {
    assert.match(stream.raw, /"content":"[^"]*\/land\/garden"/)
    const fork = await run({ prompt: "And you?", ...small }, `/sessions/${stream.sessionId}/fork`)
    const inside = await run({ prompt: look, project_id: project, cwd: "beds", allowed_tools: ["Bash(pwd)"] })
    assert.match(inside.raw, /"content":"[^"]*\/land\/garden\/beds"/)
    await run({ prompt: "I belong nowhere.", ...small })
    const found = await ask("GET", `/sessions?project_id=${project}`)
    assert.deepEqual(
      listAt(found.body, "sessions").map((session) => at(session, "id")),
      [inside.sessionId, fork.sessionId, stream.sessionId]
    )
    assert.strictEqual(at((await ask("GET", `/sessions/${fork.sessionId}`)).body, "project_id"), project)
    const foreign = await ask("GET", `/sessions?project_id=${project}`, { key: stranger })
    assert.deepEqual(at(foreign.body, "sessions"), [])
  })

  it("a session is promoted into one that exists", async () => {
    const other = await run({ prompt: "Think.", mode: "brainstorm", ...small })
    const path = `/sessions/${other.sessionId}/promote`
    const unknown = await ask("POST", path, { body: { project_id: other.sessionId } })
    assert.deepEqual([unknown.status, at(unknown.body, "error.code")], [404, "PROJECT_NOT_FOUND"])
    const theirs = await ask("POST", path, { body: { project_id: project }, key: stranger })
    assert.deepEqual([theirs.status, at(theirs.body, "error.code")], [404, "SESSION_NOT_FOUND"])
    const promoted = await ask("POST", path, { body: { project_id: project } })
    assert.strictEqual(promoted.status, 200)
    assert.deepInclude(promoted.body, { id: other.sessionId, mode: "code", project_id: project })
    assert.deepEqual((await ask("GET", `/sessions/${other.sessionId}`)).body, promoted.body)
  })

  it("are where a tenant may work, and one workspace has one", async () => {
    for (const path of ["../..", "/etc", "land/../../.."]) {
      const answer = await ask("POST", "/projects", { body: { name: "outside", path } })
      assert.deepEqual([answer.status, at(answer.body, "error.details.issues.0.path")], [422, "body.path"])
    }
    const twice = await ask("POST", "/projects", { body: { name: "other", path: "land/garden" } })
    assert.deepEqual([twice.status, at(twice.body, "error.error_id")], [409, "ERR_PROJECT_EXISTS"])
    await refused({ project_id: project, cwd: "../../../.." }, 422, "ERR_VALIDATION")
    await refused({ project_id: stream.sessionId }, 404, "ERR_PROJECT_NOT_FOUND")
    await refused({ project_id: project }, 404, "ERR_PROJECT_NOT_FOUND", { key: stranger })
  })

  it("that are deleted leave their sessions", async () => {
    assert.strictEqual((await ask("DELETE", `/projects/${project}`)).status, 204)
    const rows = await rowsOf(setting().database, "SELECT project_id FROM sessions WHERE id = $1", [stream.sessionId])
    assert.deepEqual(rows, [{ project_id: null }])
    await run({ prompt: "Still there?", ...small }, `/sessions/${stream.sessionId}/resume`)
  })
})

describe("tool presets", () => {
  const script = scripted(
    "Look.",
    { tool: "Bash", input: { command: "touch allowed.txt && echo allowed" } },
    { text: "That is all." }
  )
  let id: string

  beforeAll(async () => {
    id = await make("/tool-presets", {
      name: "careful",
      allowed_tools: ["Bash(touch *)", "Bash(echo *)"],
      disallowed_tools: ["WebFetch"]
    })
  })

  it("by name: its rules are added to those of the request", async () => {
    const stream = await run({ prompt: script, tool_preset: "careful", disallowed_tools: ["WebSearch"] })
    assert.deepEqual(stream.all("permission_denied"), [])
    assert.include(stream.raw, "allowed")
    const tools = listAt(stream.first("init").data, "tools")
    assert.include(tools, "Read")
    for (const forbidden of ["WebFetch", "WebSearch"]) assert.notInclude(tools, forbidden)
  })

  it("as the tenant's default, of which there is one, unless the request says none", async () => {
    const other = await make("/tool-presets", { name: "other", is_default: true })
    const body = { name: "careful", allowed_tools: [], disallowed_tools: ["WebFetch"], is_default: true }
    assert.isTrue(at((await ask("PUT", `/tool-presets/${id}`, { body })).body, "is_default"))
    assert.isFalse(at((await ask("GET", `/tool-presets/${other}`)).body, "is_default"))
    const stream = await run({ prompt: script })
    assert.lengthOf(stream.all("permission_denied"), 1)
    assert.notInclude(listAt(stream.first("init").data, "tools"), "WebFetch")
    const none = await run({ prompt: "Hello.", tool_preset: null })
    assert.include(listAt(none.first("init").data, "tools"), "WebFetch")
    await ask("DELETE", `/tool-presets/${id}`)
  })

  it("unknown and another tenant's are a 404, before anything is written", async () => {
    await refused({ tool_preset: "unheard-of" }, 404, "ERR_TOOL_PRESET_NOT_FOUND")
    await make("/tool-presets", { name: "mine" })
    await refused({ tool_preset: "mine" }, 404, "ERR_TOOL_PRESET_NOT_FOUND", { key: stranger })
    await refused({ tool_preset: "a b" }, 422, "ERR_VALIDATION")
  })
})
