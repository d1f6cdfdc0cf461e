import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted } from "./Prompts.ts"
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
