import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Client } from "pg"
import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
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

/** What the model was sent in a run's main requests, as texts, oldest first. */
const sentIn = (stream: EventReader): ReadonlyArray<string> =>
  setting()
    .model.requests()
    .filter(({ kind, sessionId }) => kind === "main" && sessionId === stream.sessionId)
    .map(({ body }) => JSON.stringify(body))

/** The tenant's own directory. */
const homeOf = async (): Promise<string> => {
  const { database, service } = setting()
  const [tenant] = await rowsOf(database, "SELECT id FROM tenants ORDER BY created_at LIMIT 1")
  return join(service.dataDir, "workspaces", String(tenant?.["id"]))
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
    await writeFile(join(await homeOf(), "land/garden/file"), "no directory")
    for (const path of ["..", "../..", "/etc", "land/../../.."]) {
      const answer = await ask("POST", "/projects", { body: { name: "outside", path } })
      assert.deepEqual([answer.status, at(answer.body, "error.details.issues.0.path")], [422, "body.path"])
    }
    for (const path of ["land/garden", "./land//garden/", "land/x/../garden"]) {
      const twice = await ask("POST", "/projects", { body: { name: "other", path } })
      assert.deepEqual([twice.status, at(twice.body, "error.error_id")], [409, "ERR_PROJECT_EXISTS"], path)
    }
    for (const path of ["a\nb", `${"x".repeat(256)}/y`, "land/garden/file/below"]) {
      assert.strictEqual((await ask("POST", "/projects", { body: { name: "odd", path } })).status, 422, path)
    }
    // The root holds the directories of all tenants.
    for (const key of [operatorKey, stranger]) {
      await refused({ cwd: ".." }, 422, "ERR_VALIDATION", { key })
      await refused({ additional_directories: [".."] }, 422, "ERR_VALIDATION", { key })
    }
    await refused({ project_id: project, cwd: "../../../.." }, 422, "ERR_VALIDATION")
    await refused({ project_id: stream.sessionId }, 404, "ERR_PROJECT_NOT_FOUND")
    await refused({ project_id: project }, 404, "ERR_PROJECT_NOT_FOUND", { key: stranger })
  })

  it("that are deleted while a session is made for them are not there for it", async () => {
    const { database } = setting()
    const doomed = await make("/projects", { name: "doomed" })
    const deleter = new Client({ connectionString: database })
    await deleter.connect()
    try {
      await deleter.query("BEGIN")
      await deleter.query("DELETE FROM projects WHERE id = $1", [doomed])
      const asked = ask("POST", "/query", { body: { ...small, prompt: "Hello.", project_id: doomed } })
      const waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      await until("the session waits for its project", async () => (await rowsOf(database, waits)).length > 0)
      await deleter.query("COMMIT")
      const answer = await asked
      assert.deepEqual([answer.status, at(answer.body, "error.code")], [404, "PROJECT_NOT_FOUND"], answer.text)
    } finally {
      await deleter.end()
    }
  })

  it("that are deleted leave their sessions, which are in none from then on", async () => {
    const inProject = async () => at((await ask("GET", `/sessions/${stream.sessionId}`)).body, "project_id")
    assert.strictEqual(await inProject(), project)
    assert.strictEqual((await ask("DELETE", `/projects/${project}`, { key: stranger })).status, 404)
    assert.strictEqual(await inProject(), project)
    assert.strictEqual((await ask("DELETE", `/projects/${project}`)).status, 204)
    assert.isNull(await inProject())
    const rows = await rowsOf(setting().database, "SELECT project_id FROM sessions WHERE id = $1", [stream.sessionId])
    assert.deepEqual(rows, [{ project_id: null }])
    await run({ prompt: "Still there?", ...small }, `/sessions/${stream.sessionId}/resume`)
  })
})

describe("skills and slash commands", () => {
  /** The tenant's own directory. */
  let home: string
  let project: string

  const file = async (path: string, text: string) => {
    await mkdir(dirname(join(home, path)), { recursive: true })
    await writeFile(join(home, path), text)
  }

  beforeAll(async () => {
    home = await homeOf()
    project = await make("/projects", { name: "orchard" })
    const description = 'Grafts: "well"\n---\nallowed-tools: Bash'
    await make("/skills", { name: "grafting", description, content: "Cut a scion of $ARGUMENTS." })
    await make("/skills", { name: "secret", description: "Not now", content: "Off.", enabled: false })
    await make("/slash-commands", { name: "water", description: "Waters", content: "Water the $1, then $ARGUMENTS." })
    const pruning = "---\nname: x\ndescription: >\n  How to\n  prune\n---\nIn winter."
    await file("orchard/.claude/skills/pruning/SKILL.md", pruning)
    await file("orchard/.claude/skills/grafting/SKILL.md", "Hidden by the one of the same name.")
    await file("orchard/.claude/commands/mow.md", "Mow it.")
    await file(".claude/commands/sow.md", "Sow it.")
    await symlink("/etc/passwd", join(home, "orchard/.claude/commands/passwords.md"))
    await file("orchard/.claude/commands/a b.md", "No name.")
  })

  it("reach the agent of a project's session, and are used by it, with nothing on the disk from before", async () => {
    const stream = await run({
      prompt: scripted("Graft.", { tool: "Skill", input: { skill: "causeway:grafting", args: "a fig" } }),
      project_id: project
    })
    const [first = "", last = ""] = sentIn(stream)
    assert.match(first, /causeway:grafting: Grafts: [\\"]+well/)
    assert.include(first, "causeway:pruning: How to prune")
    assert.include(first, "causeway:water: Waters")
    assert.include(first, "causeway:mow: Mow it.")
    for (const other of ["causeway:secret", "causeway:sow", "passwords", "Hidden by"]) assert.notInclude(first, other)
    assert.include(last, "Cut a scion of a fig.")
    assert.deepEqual(stream.all("permission_denied"), [])
    assert.include(listAt(stream.first("init").data, "commands"), "causeway:water")

    await rm(join(setting().service.dataDir, "agents"), { recursive: true })
    const prompt = scripted("Prune.", { tool: "Skill", input: { skill: "causeway:pruning" } })
    const resumed = await run({ prompt, skills: ["fs:pruning"], tools: [] }, `/sessions/${stream.sessionId}/resume`)
    assert.include(sentIn(resumed).at(-1) ?? "", "In winter.")
    assert.deepEqual(listAt(resumed.first("init").data, "tools"), ["Skill"])
  })

  it("a prompt that is a command is expanded, in new sessions and old ones; others are data", async () => {
    const stream = await run({ prompt: '/water "old fig" $1 twice', ...small })
    const said = 'Water the old fig, then "old fig" $1 twice.'
    assert.strictEqual(at(stream.first("message").data, "content.0.text"), said)
    assert.include(sentIn(stream)[0] ?? "", JSON.stringify(said).slice(1, -1))
    const resumed = await run({ prompt: " /sow now", ...small }, `/sessions/${stream.sessionId}/resume`)
    assert.strictEqual(at(resumed.first("message").data, "content.0.text"), "Sow it.\n\nARGUMENTS: now")
    const data = await run({ prompt: "/mow it", ...small })
    assert.strictEqual(at(data.first("message").data, "content.0.text"), "/mow it")
    await make("/slash-commands", { name: "echo", description: "Echoes", content: "$ARGUMENTS".repeat(4000) })
    await refused({ prompt: `/echo ${"x".repeat(50_000)}` }, 422, "ERR_VALIDATION")
    await make("/slash-commands", { name: "nothing", description: "Says what it is told", content: "$1" })
    await refused({ prompt: "/nothing" }, 422, "ERR_VALIDATION")
  })

  it("of workspaces are listed and read by their project, without paths, and not changed", async () => {
    const listed = await ask("GET", `/skills?project_id=${project}&source=filesystem`)
    assert.deepEqual(
      listAt(listed.body, "skills").map((skill) => [at(skill, "id"), at(skill, "source"), at(skill, "created_at")]),
      [
        ["fs:grafting", "filesystem", null],
        ["fs:pruning", "filesystem", null]
      ]
    )
    const both = await ask("GET", `/slash-commands?project_id=${project}`)
    const ids = listAt(both.body, "commands").map((command) => at(command, "id"))
    assert.strictEqual(ids[0], "fs:mow")
    assert.isAbove(ids.length, 1)
    assert.notInclude(listed.text + both.text, setting().service.dataDir)
    const own = await ask("GET", "/slash-commands?source=filesystem")
    assert.deepEqual(
      listAt(own.body, "commands").map((command) => at(command, "name")),
      ["sow"]
    )
    const kept = await ask("GET", "/skills?source=database")
    assert.isTrue(listAt(kept.body, "skills").every((skill) => at(skill, "source") === "database"))
    const read = await ask("GET", `/skills/fs:pruning?project_id=${project}`)
    assert.strictEqual(at(read.body, "content"), "In winter.")

    const whole = { name: "pruning", description: "x", content: "x" }
    for (const [path, error] of [
      ["/skills/fs:pruning", "SKILL"],
      ["/slash-commands/fs:sow", "SLASH_COMMAND"]
    ] as const) {
      for (const answer of [await ask("PUT", path, { body: whole }), await ask("DELETE", path)]) {
        assert.deepEqual([answer.status, at(answer.body, "error.code")], [409, `${error}_READONLY`])
      }
      assert.strictEqual((await ask("GET", `${path}x`)).status, 404)
      assert.strictEqual((await ask("GET", path, { key: stranger })).status, 404)
      assert.strictEqual((await ask("GET", `${path}?project_id=${project}`, { key: stranger })).status, 404)
    }
  })

  it("that are not there are a 404", async () => {
    await refused({ skills: ["unheard-of"] }, 404, "ERR_SKILL_NOT_FOUND")
    await refused({ skills: ["secret"] }, 404, "ERR_SKILL_NOT_FOUND")
    await refused({ skills: ["grafting"] }, 404, "ERR_SKILL_NOT_FOUND", { key: stranger })
    await refused({ agents: { one: { description: "x", prompt: "x", skills: ["no"] } } }, 404, "ERR_SKILL_NOT_FOUND")
  })
})

describe("agents", () => {
  const gardener = {
    name: "gardener",
    description: "Knows figs",
    prompt: "You are a gardener.",
    tools: ["Read", "Agent"],
    model: "claude-haiku-4-5"
  }
  let id: string

  beforeAll(async () => {
    id = await make("/agents", gardener)
  })

  it("lead a run, have work done by others, and each keeps its version", async () => {
    const changed = await ask("PUT", `/agents/${id}`, {
      body: { ...gardener, prompt: "You are a botanist.", version: 1 }
    })
    assert.deepInclude(changed.body, { id, version: 2, prompt: "You are a botanist.", skills: null })
    const late = await ask("PUT", `/agents/${id}`, { body: { ...gardener, version: 1 } })
    assert.deepEqual([late.status, at(late.body, "error.code")], [409, "AGENT_VERSION_CONFLICT"])
    assert.strictEqual(at(late.body, "error.details.latest_version"), 2)
    const versions = await ask("GET", `/agents/${id}/versions`)
    assert.deepEqual(
      listAt(versions.body, "versions").map((version) => [at(version, "version"), at(version, "prompt")]),
      [
        [2, "You are a botanist."],
        [1, "You are a gardener."]
      ]
    )
    await make("/agents", { name: "poet", description: "Writes rhymes", prompt: "You rhyme.", tools: [] })
    const call = (name: string) => ({ description: name, subagent_type: name, prompt: `To the ${name}.` })
    const stream = await run({
      prompt: scripted(
        "Begin.",
        { tool: "Agent", input: call("bard") },
        { tool: "Agent", input: call("digger") },
        { text: "Done." }
      ),
      agent: { id, version: 1 },
      agents: { bard: "poet", digger: { description: "Digs", prompt: "You dig.", model: "claude-opus-4-6" } }
    })
    const requests = setting()
      .model.requests()
      .filter(({ sessionId }) => sessionId === stream.sessionId)
    const [main] = requests
    assert.strictEqual(main?.model, "claude-haiku-4-5")
    const system = JSON.stringify(at(main?.body, "system"))
    assert.include(system, "You are a gardener.")
    assert.notInclude(system, "botanist")
    assert.include(JSON.stringify(main?.body), "bard: Writes rhymes")
    assert.sameMembers([...listAt(stream.first("init").data, "tools")], ["Read", "Task"])
    const told = (text: string) => requests.find(({ body }) => JSON.stringify(at(body, "system")).includes(text))
    assert.include(JSON.stringify(told("You rhyme.")?.body), "To the bard.")
    assert.strictEqual(told("You dig.")?.model, "claude-opus-4-6")
    const parents = new Set(stream.all("message").map(({ data }) => at(data, "parent_tool_use_id")))
    assert.strictEqual(parents.size, 3, "the main agent, and two that it called")
    assert.isTrue(parents.has(null))

    const now = await run({ prompt: "And now?", agent: "gardener", agents: ["poet"], system_prompt: "You are mine." })
    assert.include(sentIn(now)[0] ?? "", "You are mine.")
    assert.notInclude(sentIn(now)[0] ?? "", "botanist")
    assert.include(sentIn(now)[0] ?? "", "poet: Writes rhymes")
  })

  it("that are not there are a 404, whosever they are", async () => {
    for (const agent of ["nobody", id.replaceAll(/[0-9]/g, "0"), { id, version: 99 }]) {
      await refused({ agent }, 404, "ERR_AGENT_NOT_FOUND")
      await refused({ agents: { one: agent } }, 404, "ERR_AGENT_NOT_FOUND")
    }
    for (const agent of ["gardener", id, { id, version: 1 }]) {
      await refused({ agent }, 404, "ERR_AGENT_NOT_FOUND", { key: stranger })
      await refused({ agents: { one: agent } }, 404, "ERR_AGENT_NOT_FOUND", { key: stranger })
    }
    for (const method of ["POST", "DELETE"]) {
      const answer = await ask(method, `/agents/${id}/share`, { key: stranger })
      assert.strictEqual(at(answer.body, "error.code"), "AGENT_NOT_FOUND")
    }
    assert.strictEqual((await ask("GET", `/agents/${id}/versions`, { key: stranger })).status, 404)
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`agent-${index}`, "gardener"]))
    await refused({ agents: many }, 422, "ERR_VALIDATION")
  })

  it("are shared for a time with who has the token, without what is the tenant's own, and copied", async () => {
    const { database, service } = setting()
    await make("/skills", { name: "watering", description: "x", content: "x" })
    const shared = await make("/agents", {
      ...gardener,
      name: "shared",
      skills: ["watering"],
      mcp_servers: ["hoses"]
    })
    const issued = await ask("POST", `/agents/${shared}/share?expires_in_seconds=60`)
    assert.strictEqual(issued.status, 200, issued.text)
    const token = textAt(issued.body, "share_token")
    assert.strictEqual(at(issued.body, "share_url"), `/api/v1/shared/agents/${token}`)
    assert.isTrue(at((await ask("GET", `/agents/${shared}`)).body, "is_shared"))
    const rows = await rowsOf(database, "SELECT token_hash FROM agent_shares")
    assert.notInclude(JSON.stringify(rows), token)

    const seen = await ask("GET", `/shared/agents/${token}`, { key: stranger })
    assert.deepInclude(at(seen.body, "agent"), { name: "shared", prompt: gardener.prompt, tools: gardener.tools })
    for (const own of [shared, "watering", "hoses"]) assert.notInclude(seen.text, own)
    const path = `/shared/agents/${token}/import`
    const copy = await ask("POST", path, { key: stranger, body: {} })
    assert.strictEqual(copy.status, 201, copy.text)
    assert.deepInclude(copy.body, {
      name: "shared",
      version: 1,
      model: gardener.model,
      skills: null,
      mcp_servers: null
    })
    assert.strictEqual((await ask("POST", path, { key: stranger, body: {} })).status, 409)
    assert.strictEqual((await ask("POST", path, { key: stranger, body: { name: "other" } })).status, 201)
    // What was seen is a document that can be taken as it is.
    const document = await ask("POST", "/agents/import", { body: { ...Object(at(seen.body, "agent")), name: "again" } })
    assert.strictEqual(at(document.body, "created_at"), at(seen.body, "agent.created_at"))

    const gone = async (unknown: string) => {
      for (const answer of [
        await ask("GET", `/shared/agents/${unknown}`, { key: stranger }),
        await ask("POST", `/shared/agents/${unknown}/import`, { key: stranger, body: { name: "late" } })
      ]) {
        assert.deepEqual([answer.status, at(answer.body, "error.code")], [404, "AGENT_SHARE_NOT_FOUND"])
      }
    }
    await rowsOf(database, "UPDATE agent_shares SET expires_at = now()")
    await gone(token)
    assert.isFalse(at((await ask("GET", `/agents/${shared}`)).body, "is_shared"))
    assert.deepEqual(at((await ask("GET", `/agents/${shared}/shares`)).body, "shares"), [])
    const again = async () => (await ask("POST", `/agents/${shared}/share`)).body
    const [second, third, fourth] = [await again(), await again(), await again()]
    const tokenOf = (share: unknown) => textAt(share, "share_token")
    const [newest] = listAt((await ask("GET", `/agents/${shared}/shares?page_size=1`)).body, "shares")
    assert.deepEqual(newest, {
      id: at(fourth, "id"),
      created_at: at(fourth, "created_at"),
      expires_at: at(fourth, "expires_at")
    })
    const path3 = `/agents/${shared}/shares/${textAt(third, "id")}`
    for (const options of [{ key: stranger }, {}] as const) {
      const listed = await ask("GET", `/agents/${shared}/shares`, options)
      assert.strictEqual(listed.status, "key" in options ? 404 : 200)
      assert.strictEqual((await ask("DELETE", path3, options)).status, "key" in options ? 404 : 204)
    }
    await gone(tokenOf(third))
    const twice = await ask("DELETE", path3)
    assert.deepEqual([twice.status, at(twice.body, "error.code")], [404, "AGENT_SHARE_NOT_FOUND"])
    for (const share of [second, fourth]) {
      assert.strictEqual((await ask("GET", `/shared/agents/${tokenOf(share)}`, { key: stranger })).status, 200)
    }
    assert.strictEqual((await ask("DELETE", `/agents/${shared}/share`)).status, 204)
    for (const share of [second, fourth]) await gone(tokenOf(share))
    await gone("x".repeat(46))
    for (const secret of [token, tokenOf(second)]) assert.notInclude(service.output(), secret)
  })

  it("from elsewhere have moments that are some", async () => {
    const { tools: _, ...document } = gardener
    const bad = [
      "yesterday",
      "2021-02-29T12:00:00Z",
      "2016-12-31T23:59:60Z",
      "0000-01-01T00:00:00Z",
      "0001-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01"
    ]
    for (const moment of bad) {
      for (const field of ["created_at", "updated_at"]) {
        const answer = await ask("POST", "/agents/import", { body: { ...document, name: "old", [field]: moment } })
        assert.deepEqual([answer.status, at(answer.body, "error.error_id")], [422, "ERR_DATETIME_PARSE"], moment)
      }
    }
    const good = await ask("POST", "/agents/import", {
      body: { ...document, name: "old", created_at: "2020-02-29T12:00:00+01:00" }
    })
    assert.strictEqual(at(good.body, "created_at"), "2020-02-29T11:00:00.000Z")
    const bare = await ask("POST", "/agents", {
      body: { ...document, name: "young", created_at: "2020-02-29T12:00:00Z" }
    })
    assert.strictEqual(bare.status, 422)
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
    const torn = { name: "torn", allowed_tools: ["Bash"], disallowed_tools: ["Bash"] }
    assert.strictEqual((await ask("POST", "/tool-presets", { body: torn })).status, 422)
  })
})
