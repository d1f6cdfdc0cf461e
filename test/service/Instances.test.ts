import { randomBytes } from "node:crypto"
import { mkdtemp, readdir, realpath, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"
import { untilNoAgents } from "./AgentProcesses.ts"
import { countRows, freshDatabase, rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { failToStart, type Service, startService } from "./Service.ts"
import { stopCleanly, useModel } from "./UseService.ts"

const model = useModel()

let redis: RedisServer
let database: string
let workspaces: string
let one: Service
let two: Service

/** What the first instance knows of a session: one turn that wrote a file. */
let first: EventReader

beforeAll(async () => {
  redis = await startRedis()
  database = await freshDatabase()
  workspaces = await realpath(await mkdtemp(join(tmpdir(), "causeway-workspaces-")))
  const shared = { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: workspaces }
  const start = (name: string) =>
    startService({ database, redis: redis.url, model: model().url, env: { ...shared, INSTANCE_ID: name } })
  one = await start("one")
  two = await start("two")
  first = await one.stream("POST", "/api/v1/query", {
    body: {
      prompt: scripted(
        "Remember the word fig.",
        { tool: "Write", input: { file_path: "note.txt", content: "figs" } },
        { text: "Noted." }
      ),
      permission_mode: "acceptEdits"
    }
  })
  await first.finished()
})

afterAll(async () => {
  await stopCleanly(two)
  await redis.stop()
  await rm(workspaces, { recursive: true, force: true })
})

describe("another instance, with nothing but the same database, Redis and workspaces", () => {
  it("goes on with a session: the model is sent the first turn, and the file is there", async () => {
    assert.deepEqual(await readdir(join(two.dataDir, "agents")).catch(() => []), [])
    const stream = await two.stream("POST", `/api/v1/sessions/${first.sessionId}/resume`, {
      body: {
        prompt: scripted(
          "What was it?",
          { tool: "Read", input: { file_path: "note.txt" } },
          { text: "The file says {{last_tool_result}}, and you said {{recall}}" }
        )
      }
    })
    await stream.finished()
    assert.strictEqual(stream.sessionId, first.sessionId)
    const result = textAt(stream.first("result").data, "result")
    assert.include(result, "figs")
    assert.include(result, "[0] Remember the word fig.")
    const sent = model()
      .requests()
      .findLast(({ kind }) => kind === "main")
    assert.include(JSON.stringify(at(sent?.body, "messages")), "Noted.")
    assert.strictEqual(Number(stream.events[0]?.id), first.events.length + 1)
  })

  it("forks it", async () => {
    const stream = await two.stream("POST", `/api/v1/sessions/${first.sessionId}/fork`, {
      body: { ...small, prompt: scripted("And now?", { recall: true }) }
    })
    await stream.finished()
    assert.notStrictEqual(stream.sessionId, first.sessionId)
    assert.include(textAt(stream.first("result").data, "result"), "What was it?")
  })

  it("shows a run of the first as it goes on, byte for byte, and can interrupt it", async () => {
    const live = await one.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Go.", "never") } })
    await live.waitFor("init")
    const remote = await two.stream("GET", `/api/v1/runs/${live.runId}/events`)
    await remote.waitFor("message")
    assert.isUndefined(remote.end)
    const { body, status } = await two.request("POST", `/api/v1/sessions/${live.sessionId}/interrupt`)
    assert.deepEqual([status, body], [200, { status: "interrupted", session_id: live.sessionId, run_id: live.runId }])
    await Promise.all([live.finished(), remote.finished()])
    assert.strictEqual(at(live.first("done").data, "reason"), "interrupted")
    assert.strictEqual(remote.eventText, live.eventText)
  })

  it("answers what a run of the first asks, changes it, and takes back what was allowed for its session", async () => {
    const bash = { tool: "Bash", input: { command: "git commit --allow-empty" } }
    const live = await one.stream("POST", "/api/v1/query", {
      body: {
        ...small,
        tools: ["Bash", "Write"],
        approvals: { mode: "ask" },
        prompt: scripted(
          "Work.",
          bash,
          { tool: "Write", input: { file_path: "asked.txt", content: "" } },
          { tool: "Write", input: { file_path: "unasked.txt", content: "" } },
          bash,
          { text: "I am {{model}}." }
        )
      }
    })
    const asked = async (nth: number) => {
      await until(`request ${nth}`, () => live.all("permission_request").length > nth || live.end !== undefined)
      return textAt(live.all("permission_request")[nth]?.data, "approval_id")
    }
    const decide = async (nth: number, body: unknown) => {
      const { status, text } = await two.request("POST", `/api/v1/approvals/${await asked(nth)}`, { body })
      assert.strictEqual(status, 200, text)
    }
    await decide(0, { decision: "allow", scope: "session" })
    const path = `/api/v1/sessions/${live.sessionId}`
    await asked(1)
    const change = { permission_mode: "acceptEdits", model: "claude-opus-4-6" }
    const changed = await two.request("POST", `${path}/control`, { body: change })
    const accepted = { status: "accepted", session_id: live.sessionId, run_id: live.runId, ...change }
    assert.deepEqual([changed.status, changed.body], [200, accepted])
    assert.strictEqual((await two.request("DELETE", `${path}/rules/${await asked(0)}`)).status, 204)
    // What the other one was answered, the first had done by then.
    const controls = await rowsOf(
      database,
      `SELECT kind, refusal, runs.owner FROM run_controls JOIN runs ON runs.id = run_id
       WHERE run_id = $1 AND acknowledged_at IS NOT NULL ORDER BY run_controls.created_at`,
      [live.runId]
    )
    assert.deepEqual(controls, [
      { kind: "change", refusal: null, owner: "one" },
      { kind: "rules", refusal: null, owner: "one" }
    ])
    await decide(1, { decision: "allow" })
    await decide(2, { decision: "deny" })
    await live.finished()
    assert.deepEqual(
      live.all("permission_request").map(({ data }) => at(data, "tool_name")),
      ["Bash", "Write", "Bash"]
    )
    assert.deepEqual(
      live.all("status").map(({ data }) => at(data, "status")),
      [
        "approval_allowed",
        "permission_mode_changed",
        "model_changed",
        "rules_changed",
        "approval_allowed",
        "approval_denied"
      ]
    )
    assert.strictEqual(at(live.first("result").data, "result"), "I am claude-opus-4-6.")
    assert.strictEqual(at(live.first("done").data, "reason"), "completed")
  })

  it("knows at once that a key was revoked, or a title changed, on the first", async () => {
    const { body: made } = await one.request("POST", "/api/v1/api-keys", { body: { name: "x", scopes: ["query"] } })
    const key = textAt(made, "key")
    const path = `/api/v1/sessions/${first.sessionId}`
    assert.strictEqual((await two.request("GET", path, { key })).status, 200)
    await one.request("PATCH", path, { body: { title: "Changed" } })
    assert.strictEqual(at((await two.request("GET", path, { key })).body, "title"), "Changed")
    assert.strictEqual((await one.request("DELETE", `/api/v1/api-keys/${textAt(made, "id")}`)).status, 200)
    assert.strictEqual((await two.request("GET", path, { key })).status, 401)
  })
})

describe("an instance whose workspace root is not the volume of the others", () => {
  it("does not start", async () => {
    const moved = `${workspaces}-of-the-others`
    // As if a volume had been mounted on this machine only.
    await rename(workspaces, moved)
    try {
      const { code, stderr } = await failToStart({
        database,
        redis: redis.url,
        model: model().url,
        env: { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: workspaces }
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        `causeway: WORKSPACE_ROOTS: ${workspaces} is not the volume that the other instances have there. ` +
          "If it has replaced theirs, delete its row of the table workspace_volumes.\n"
      )
    } finally {
      await rm(workspaces, { recursive: true })
      await rename(moved, workspaces)
    }
  })
})

describe("an instance that stands still for longer than its leases", () => {
  it("loses its runs to the other, which says so to who asks, and touches them no more when it goes on", async () => {
    const live = await one.stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Go.", "never") } })
    await live.waitFor("message")
    process.kill(one.pid, "SIGSTOP")
    const interrupt = two.request("POST", `/api/v1/sessions/${live.sessionId}/interrupt`)
    const { body, headers, status } = await interrupt
    assert.deepEqual([status, at(body, "error.error_id")], [503, "ERR_RUN_UNRESPONSIVE"])
    assert.deepEqual(at(body, "error.details"), { run_id: live.runId })
    assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    const remote = await two.stream("GET", `/api/v1/runs/${live.runId}/events`)
    await remote.finished()
    assert.strictEqual(at(remote.first("error").data, "error_id"), "ERR_RUN_LOST")

    const before = await countRows(database)
    process.kill(one.pid, "SIGCONT")
    const line = await eventually("the line about the lease", () =>
      one.logs().find(({ error_id }) => error_id === "ERR_LEASE_LOST")
    )
    assert.deepInclude(line, { run_id: live.runId, session_id: live.sessionId, level: "warn" })
    assert.isString(line["request_id"])
    assert.isString(line["api_key_hash"])
    await untilNoAgents(one.dataDir)
    await live.finished()
    assert.strictEqual(live.eventText, remote.eventText)
    const metrics = await one.request("GET", "/metrics", { key: null })
    assert.include(metrics.text, 'api_errors_total{error_code="ERR_LEASE_LOST"} 1\n')
    const { body: run } = await one.request("GET", `/api/v1/runs/${live.runId}`)
    assert.deepInclude(run, { status: "lost" })
    assert.deepEqual(await countRows(database), before)
  })
})

describe("an instance that is killed", () => {
  it("loses its own runs; the other ends them, and its own go on", async () => {
    const start = async (service: Service) => {
      const stream = await service.stream("POST", "/api/v1/query", {
        body: { ...small, prompt: held("Go.", "survive") }
      })
      await stream.waitFor("message")
      return stream
    }
    const lost = await start(one)
    const kept = await start(two)
    const remote = await two.stream("GET", `/api/v1/runs/${lost.runId}/events`)
    await remote.waitFor("message")
    await one.kill9()
    await untilNoAgents(one.dataDir)
    await remote.finished()
    assert.deepEqual(remote.names.slice(-2), ["error", "done"])
    assert.strictEqual(at(remote.first("error").data, "error_id"), "ERR_RUN_LOST")
    assert.isNull(at(remote.first("error").data, "details.pending_tool_use_id"))
    assert.isTrue(remote.eventText.startsWith(lost.eventText))

    assert.isUndefined(kept.end)
    model().open("survive")
    await kept.finished()
    assert.strictEqual(at(kept.first("done").data, "reason"), "completed")
    const rows = await rowsOf(database, "SELECT id, status, owner, fence::int FROM runs WHERE id = ANY($1)", [
      [lost.runId, kept.runId]
    ])
    const byId = new Map(rows.map((row) => [row["id"], row]))
    assert.deepInclude(byId.get(lost.runId), { status: "lost", fence: 2 })
    assert.deepInclude(byId.get(kept.runId), { status: "completed", fence: 1 })

    const next = await two.stream("POST", `/api/v1/sessions/${lost.sessionId}/resume`, {
      body: { ...small, prompt: scripted("Again.", { recall: true }) }
    })
    await next.finished()
    assert.include(textAt(next.first("result").data, "result"), "[0] Go.")
    await rm(one.dataDir, { recursive: true, force: true })
  })
})

describe("Redis away", () => {
  it("starts nothing and writes nothing, while reading goes on; and all is well once it is back", async () => {
    const before = await countRows(database)
    await redis.kill()
    const path = `/api/v1/sessions/${first.sessionId}`
    const prompt = { body: { ...small, prompt: "Hi." } }
    for (const start of ["/api/v1/query", `${path}/resume`, `${path}/fork`]) {
      const { body, headers, status } = await two.request("POST", start, prompt)
      assert.deepEqual([status, at(body, "error.error_id")], [503, "ERR_REDIS_UNAVAILABLE"], start)
      assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/)
    }
    assert.deepEqual(await countRows(database), before)
    assert.strictEqual((await two.request("GET", path)).status, 200)
    assert.strictEqual((await two.request("GET", "/health/ready")).status, 503)
    await redis.restart()
    const answer = await eventually("a run starts again", async () => {
      const { body, status } = await two.request("POST", "/api/v1/query/single", prompt)
      return status === 200 ? body : undefined
    })
    assert.include(textAt(answer, "result"), "Hi.")
  })
})
