import { existsSync } from "node:fs"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import type { Script } from "../../scripts/scripted-model/Script.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { AGENT_ENV_ALLOW: "GREETING,UNSET" } })

/** The tenant's own part of the workspaces, where relative paths begin. */
let workspaces: string
/** A key that may also do what needs a scope of its own. */
let bold: string

const ask = async (body: Readonly<Record<string, unknown>>, key?: string): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", "/api/v1/query", {
    body,
    ...(key === undefined ? {} : { key })
  })
  await stream.finished()
  return stream
}

/** What the model was sent in the run's main requests, oldest first. */
const sentIn = (stream: EventReader): ReadonlyArray<unknown> =>
  setting()
    .model.requests()
    .filter(({ kind, sessionId }) => kind === "main" && sessionId === stream.sessionId)
    .map(({ body }) => body)

const toolNames = (body: unknown) => listAt(body, "tools").map((tool) => textAt(tool, "name"))

const toolResults = (stream: EventReader): ReadonlyArray<string> =>
  stream
    .all("message")
    .flatMap(({ data }) => listAt(data, "content"))
    .filter((block) => at(block, "type") === "tool_result")
    .map((block) => JSON.stringify(at(block, "content")))

beforeAll(async () => {
  const { database, service } = setting()
  const [tenant] = await rowsOf(database, "SELECT id FROM tenants")
  workspaces = join(service.dataDir, "workspaces", String(tenant?.["id"]))
  await mkdir(join(workspaces, "project", ".claude"), { recursive: true })
  await mkdir(join(workspaces, "library"), { recursive: true })
  await writeFile(join(workspaces, "project", "secret.txt"), "the secret is 42")
  await writeFile(join(workspaces, "project", "CLAUDE.md"), "The house rule is blue.")
  await writeFile(join(workspaces, "library", "book.txt"), "a book about figs")
  await writeFile(
    join(workspaces, "project", ".claude", "settings.json"),
    JSON.stringify({ permissions: { deny: ["Bash(echo *)"] } })
  )
  const { body } = await service.request("POST", "/api/v1/api-keys", {
    body: { name: "bold", scopes: ["query", "bypass_permissions", "expand_prompt"] }
  })
  bold = textAt(body, "key")
})

describe("options of a request", () => {
  let stream: EventReader

  beforeAll(async () => {
    stream = await ask({
      prompt: scripted(
        "Look around.",
        { tool: "Bash", input: { command: 'pwd; echo "greeting=$GREETING"; env' } },
        { tool: "Read", input: { file_path: join(workspaces, "library", "book.txt") } },
        { text: "I am {{model}}." }
      ),
      model: "claude-opus-4-6",
      system_prompt: "You are a poet.",
      system_prompt_append: "You rhyme.",
      tools: ["Read", "Bash"],
      allowed_tools: ["Bash"],
      cwd: "project",
      additional_directories: ["library"],
      env: { GREETING: "hello" },
      effort: "low"
    })
  })

  it("model", () => {
    assert.strictEqual(at(sentIn(stream)[0], "model"), "claude-opus-4-6")
    assert.strictEqual(at(stream.first("init").data, "model"), "claude-opus-4-6")
    assert.strictEqual(at(stream.first("result").data, "result"), "I am claude-opus-4-6.")
  })

  it("system_prompt and system_prompt_append", () => {
    const system = JSON.stringify(at(sentIn(stream)[0], "system"))
    assert.include(system, "You are a poet.\\n\\nYou rhyme.")
    assert.notInclude(system, "Claude Code, Anthropic's official CLI")
  })

  it("tools: no others exist", () => {
    assert.sameMembers(toolNames(sentIn(stream)[0]), ["Bash", "Read"])
    assert.sameMembers([...listAt(stream.first("init").data, "tools")], ["Bash", "Read"])
  })

  it("allowed_tools: they run unasked in default mode", () => {
    assert.strictEqual(at(stream.first("init").data, "permission_mode"), "default")
    assert.deepEqual(stream.all("permission_denied"), [])
    assert.include(toolResults(stream)[0] ?? "", "greeting=")
  })

  it("cwd, relative to the tenant's own directory", () => {
    assert.include(toolResults(stream)[0] ?? "", join(workspaces, "project"))
  })

  it("additional_directories: they may be read", () => {
    assert.include(toolResults(stream)[1] ?? "", "a book about figs")
  })

  it("env, and nothing of the service's own", () => {
    const [shell = ""] = toolResults(stream)
    assert.include(shell, "greeting=hello")
    for (const name of ["DATABASE_URL", "API_KEY=operator", "DATA_DIR", "LOG_FORMAT"]) assert.notInclude(shell, name)
  })

  it("effort", () => {
    assert.strictEqual(at(sentIn(stream)[0], "output_config.effort"), "low")
  })
})

describe("thinking", () => {
  it("can be switched off, and have a budget", async () => {
    const model = "claude-sonnet-4-5"
    const off = await ask({ ...small, model, prompt: "Do not think.", thinking: { type: "disabled" } })
    const on = await ask({
      ...small,
      model,
      prompt: scripted("Think.", { thinking: "Hm.", text: "So." }),
      thinking: { type: "enabled", budget_tokens: 2048 }
    })
    assert.deepEqual(at(sentIn(off)[0], "thinking"), { type: "disabled" })
    assert.deepInclude(at(sentIn(on)[0], "thinking"), { type: "enabled", budget_tokens: 2048 })
    const types = on.all("message").flatMap(({ data }) => listAt(data, "content").map((block) => at(block, "type")))
    assert.deepEqual(types, ["text", "thinking", "text"])
  })
})

describe("permissions", () => {
  const write = (path: string): Script => [
    { tool: "Write", input: { file_path: path, content: "x" } },
    { text: "That is all." }
  ]

  it("in default mode nobody is there to ask: the tool is denied and the stream says so", async () => {
    const stream = await ask({ prompt: scripted("Write.", ...write("denied.txt")), cwd: "project" })
    assert.isFalse(existsSync(join(workspaces, "project", "denied.txt")))
    const { message, ...denied } = Object(stream.first("permission_denied").data)
    assert.strictEqual(denied.tool_name, "Write")
    assert.isString(message)
    const denials = listAt(stream.first("result").data, "permission_denials")
    assert.deepEqual(
      denials.map((denial) => at(denial, "tool_use_id")),
      [denied.tool_use_id]
    )
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
  })

  it("disallowed_tools: they do not exist, whatever else is allowed", async () => {
    const stream = await ask({
      prompt: scripted("Write.", ...write("disallowed.txt")),
      cwd: "project",
      permission_mode: "acceptEdits",
      disallowed_tools: ["Write"]
    })
    assert.notInclude(toolNames(sentIn(stream)[0]), "Write")
    assert.isFalse(existsSync(join(workspaces, "project", "disallowed.txt")))
  })

  it("bypassPermissions needs its scope", async () => {
    const { body, status } = await setting().service.request("POST", "/api/v1/query", {
      body: { prompt: "Hello.", permission_mode: "bypassPermissions" }
    })
    assert.strictEqual(status, 403)
    assert.strictEqual(at(body, "error.error_id"), "ERR_FORBIDDEN")
    assert.deepEqual(at(body, "error.details"), { scope: "bypass_permissions" })
  })

  it("bypassPermissions, with its scope, runs what would be denied", async () => {
    const prompt = scripted("Do it.", { tool: "Bash", input: { command: "touch bypassed.txt" } }, { text: "Done." })
    const stream = await ask({ prompt, cwd: "project", permission_mode: "bypassPermissions" }, bold)
    assert.strictEqual(at(stream.first("init").data, "permission_mode"), "bypassPermissions")
    assert.deepEqual(stream.all("permission_denied"), [])
    assert.isTrue(existsSync(join(workspaces, "project", "bypassed.txt")))
  })

  it("setting_sources: the workspace's settings and CLAUDE.md count only where they were asked for", async () => {
    const prompt = scripted("Speak.", { tool: "Bash", input: { command: "echo spoken" } }, { text: "So." })
    const without = await ask({ prompt, cwd: "project" })
    assert.deepEqual(toolResults(without), ['"spoken"'])
    const asked = await ask({ prompt, cwd: "project", setting_sources: ["project"] })
    assert.include(toolResults(asked)[0] ?? "", "denied")
    assert.include(JSON.stringify(sentIn(asked)[0]), "The house rule is blue.")
    assert.notInclude(JSON.stringify(sentIn(without)[0]), "The house rule is blue.")
  })
})

describe("limits", () => {
  const endless: Script = [
    { tool: "Bash", input: { command: "echo again" }, usage: { output_tokens: 1000 }, repeat: true }
  ]

  it("max_turns ends the run as MaxTurnsReached, with what was done", async () => {
    const stream = await ask({ prompt: scripted("Go on.", ...endless), tools: ["Bash"], max_turns: 2 })
    assert.deepEqual(stream.names.slice(-2), ["error", "done"])
    assert.notInclude(stream.names, "result")
    const error = stream.first("error").data
    assert.deepInclude(error, { error_id: "ERR_MAX_TURNS_REACHED", code: "MAX_TURNS_REACHED", fatal: true })
    assert.lengthOf(sentIn(stream), 2)
    const { body: run } = await setting().service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.deepInclude(run, { status: "failed", cost_unknown: false })
    assert.strictEqual(at(run, "total_cost_usd"), at(error, "details.result.total_cost_usd"))
    assert.isAbove(Number(at(run, "total_cost_usd")), 0)
  })

  it("max_budget_usd ends the run as BudgetReached", async () => {
    const { body, status } = await setting().service.request("POST", "/api/v1/query/single", {
      body: { prompt: scripted("Spend.", ...endless), tools: ["Bash"], max_budget_usd: 0.001 }
    })
    assert.strictEqual(status, 422)
    assert.strictEqual(at(body, "error.error_id"), "ERR_BUDGET_REACHED")
    assert.isAbove(Number(at(body, "error.details.total_cost_usd")), 0.001)
  })
})

describe("the prompt", () => {
  const mention = "What is in @secret.txt ?"

  it("is data: no file is read and no command runs", async () => {
    const prompt = `/clear ${mention}`
    const stream = await ask({ ...small, prompt, cwd: "project" })
    const [sent] = sentIn(stream)
    assert.include(JSON.stringify(at(sent, "messages")), prompt)
    assert.notInclude(JSON.stringify(sent), "the secret is 42")
    assert.strictEqual(at(stream.first("result").data, "result"), `You said: ${prompt} (user turn 1)`)
  })

  it("is expanded where expand_prompt asks for it and the key may", async () => {
    const stream = await ask({ prompt: mention, tools: ["Read"], cwd: "project", expand_prompt: true }, bold)
    assert.include(JSON.stringify(sentIn(stream)[0]), "the secret is 42")
    const { body, status } = await setting().service.request("POST", "/api/v1/query", {
      body: { prompt: mention, expand_prompt: true }
    })
    assert.strictEqual(status, 403)
    assert.deepEqual(at(body, "error.details"), { scope: "expand_prompt" })
  })
})

describe("what a request may not ask for", () => {
  const refused = async (body: Readonly<Record<string, unknown>>, path: string) => {
    const answer = await setting().service.request("POST", "/api/v1/query", { body: { prompt: "Hello.", ...body } })
    assert.strictEqual(answer.status, 422, answer.text)
    assert.deepEqual(
      listAt(answer.body, "error.details.issues").map((issue) => at(issue, "path")),
      [path]
    )
  }

  it("variables that are not allowed, or decide how programs run", async () => {
    await refused({ env: { OTHER: "x" } }, "body.env")
    await refused({ env: { LD_PRELOAD: "/x.so" } }, "body.env")
    await refused({ env: { ANTHROPIC_BASE_URL: "http://x" } }, "body.env")
  })

  it("directories outside of the workspace roots, whichever way", async () => {
    await symlink("/etc", join(workspaces, "way-out"))
    for (const cwd of ["../..", "/etc", "way-out", "way-out/ssl", "project/../../../.."]) {
      await refused({ cwd }, "body.cwd")
      await refused({ additional_directories: ["project", cwd] }, "body.additional_directories.1")
    }
  })

  it("another tenant's directory", async () => {
    await mkdir(join(workspaces, "..", "0198aaaa-bbbb-7ccc-8ddd-eeeeffff0000"), { recursive: true })
    await refused({ cwd: "../0198aaaa-bbbb-7ccc-8ddd-eeeeffff0000" }, "body.cwd")
  })
})
