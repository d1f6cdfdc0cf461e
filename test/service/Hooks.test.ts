import { randomBytes } from "node:crypto"
import { assert, beforeAll, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { scrape, sumOf } from "../ops/Metrics.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { json, signatureOf, useHookEndpoint } from "./HookEndpoint.ts"
import { at, listAt, textAt } from "./Json.ts"
import { scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"
import { toolResults } from "./ToolResults.ts"

const setting = useService({ env: { OUTBOUND_ALLOW: "127.0.0.9" } })

const secret = `whsec_${randomBytes(24).toString("base64")}`

const commandOf = (body: unknown): string => String(at(body, "tool_input.command"))

/** What is said of a tool call stands in its command. */
const endpoint = useHookEndpoint((call, response) => {
  const command = commandOf(call.body)
  if (call.path === "/broken") return json({ decision: "allow" }, 503)(call, response)
  if (call.path === "/blocked") return json({ decision: "deny", reason: "not this prompt" })(call, response)
  if (command.includes("denied")) return json({ decision: "deny", reason: "not on my watch" })(call, response)
  if (command.includes("asked")) return json({ decision: "ask", reason: "who knows" })(call, response)
  if (command.includes("changed")) {
    return json({ decision: "allow", modified_input: { command: "echo something else" } })(call, response)
  }
  if (command.includes("failing")) return json({ decision: "allow" }, 500)(call, response)
  if (command.includes("garbage")) return json({ verdict: "allow" })(call, response)
  if (command.includes("empty")) return response.writeHead(204).end()
  if (command.includes("moved")) return response.writeHead(302, { location: endpoint.url("/allow") }).end()
  if (command.includes("hanging")) return
  json({ decision: "allow" })(call, response)
})

const run = async (body: Readonly<Record<string, unknown>>, key?: string): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", "/api/v1/query", {
    body: { system_prompt: "Answer.", ...body },
    ...(key === undefined ? {} : { key })
  })
  await stream.finished()
  return stream
}

const bash = (command: string): Step => ({ tool: "Bash", input: { command } })

const failures = (stream: EventReader) =>
  stream
    .all("error")
    .map(({ data }) => [
      at(data, "error_id"),
      at(data, "fatal"),
      at(data, "details.reason"),
      at(data, "details.status")
    ])

const failed = (reason: string, status?: number) => ["ERR_HOOK_FAILED", false, reason, status]

describe("a PreToolUse hook", () => {
  const words = ["allowed", "denied", "asked", "changed", "failing", "garbage", "empty", "moved", "hanging"]
  let stream: EventReader
  let before: number

  beforeAll(async () => {
    const { service } = setting()
    const { body } = await service.request("POST", "/api/v1/api-keys", {
      body: { name: "bold", scopes: ["query", "bypass_permissions"] }
    })
    before = sumOf(await scrape(service), "api_errors_total", { error_code: "ERR_HOOK_FAILED" })
    stream = await run(
      {
        prompt: scripted("Work.", ...words.map((word) => bash(`echo ${word} $((40 + 2))`)), { text: "Done." }),
        tools: ["Bash"],
        permission_mode: "bypassPermissions",
        hooks: {
          PreToolUse: {
            url: endpoint.url("/pre"),
            headers: { authorization: "Bearer of-the-hook" },
            matcher: "Bash",
            timeout: 1,
            secret
          }
        }
      },
      textAt(body, "key")
    )
  })

  it("decides about every call, also where permissions are bypassed; without an answer that counts it is refused", () => {
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
    const [allowed, denied, asked, changed, ...unanswered] = toolResults(stream)
    assert.include(allowed ?? "", "allowed 42")
    assert.include(denied ?? "", "not on my watch")
    assert.notInclude(asked ?? "", "asked 42")
    assert.include(changed ?? "", "something else")
    assert.lengthOf(unanswered, 5)
    for (const result of unanswered) {
      assert.include(result, "gave no answer that counts")
      assert.notInclude(result, "42")
    }
  })

  it("says in the stream, in the log and in the metrics why it had no answer", async () => {
    assert.deepEqual(failures(stream), [
      failed("status", 500),
      failed("unreadable"),
      failed("unreadable"),
      failed("redirected", 302),
      failed("timed_out")
    ])
    const { service } = setting()
    const lines = service.logs().filter((line) => line["error_id"] === "ERR_HOOK_FAILED")
    assert.lengthOf(lines, 5)
    assert.isTrue(lines.every((line) => line["run_id"] === stream.runId))
    const after = sumOf(await scrape(service), "api_errors_total", { error_code: "ERR_HOOK_FAILED" })
    assert.strictEqual(after - before, 5)
    assert.isTrue(
      endpoint.calls.every(({ path }) => path === "/pre"),
      "a redirect was followed"
    )
  })

  it("is called once for each, signed, with what it is about", () => {
    const calls = endpoint.calls.filter(({ path }) => path === "/pre")
    assert.deepEqual(
      calls.map(({ body }) => commandOf(body).split(" ")[1]),
      words
    )
    assert.strictEqual(new Set(calls.map(({ headers }) => headers["webhook-id"])).size, words.length)
    for (const call of calls) {
      assert.strictEqual(call.headers["webhook-signature"], signatureOf(secret, call))
      assert.closeTo(Number(call.headers["webhook-timestamp"]), Date.now() / 1000, 60)
      assert.strictEqual(call.headers["authorization"], "Bearer of-the-hook")
      assert.deepInclude(call.body, {
        hook_event: "PreToolUse",
        session_id: stream.sessionId,
        run_id: stream.runId,
        tool_name: "Bash"
      })
    }
  })

  it("keeps its secret and its headers to itself", async () => {
    const { database, service } = setting()
    const rows = JSON.stringify(await rowsOf(database, "SELECT * FROM runs"))
    for (const hidden of [secret, "of-the-hook"]) {
      assert.notInclude(rows, hidden)
      assert.notInclude(service.output(), hidden)
      assert.notInclude(stream.raw, hidden)
    }
  })
})

describe("an endpoint that may not or cannot be reached", () => {
  it("refuses what it was to be asked about, and is not asked about the rest", async () => {
    const calls = endpoint.calls.length
    const stream = await run({
      prompt: scripted(
        "Work.",
        bash("echo $((40 + 2))"),
        { tool: "Glob", input: { pattern: "*" } },
        { tool: "Grep", input: { pattern: "fig" } },
        { text: "Done." }
      ),
      tools: ["Bash", "Glob", "Grep"],
      allowed_tools: ["Bash", "Glob", "Grep"],
      hooks: {
        PreToolUse: [
          // A name that resolves to an address of this machine: refused when it is connected to.
          { url: endpoint.url("/pre", "localhost"), matcher: "Bash" },
          { url: "http://127.0.0.9:1/", matcher: "Glob" }
        ]
      }
    })
    const [refused, unreachable, unasked] = toolResults(stream)
    assert.include(refused ?? "", "url_refused")
    assert.notInclude(refused ?? "", "42")
    assert.include(unreachable ?? "", "no_connection")
    assert.include(unasked ?? "", "No ")
    assert.deepEqual(failures(stream), [failed("url_refused"), failed("no_connection")])
    assert.lengthOf(endpoint.calls, calls)
  })
})

describe("other hooks", () => {
  it("are told what happens, and hold nothing up when they fail", async () => {
    const calls = endpoint.calls.length
    const here = { url: endpoint.url("/others") }
    const stream = await run({
      prompt: scripted("Work.", bash("echo $((40 + 2))"), { text: "Done." }),
      tools: ["Bash"],
      allowed_tools: ["Bash"],
      hooks: { UserPromptSubmit: here, PostToolUse: [here, { url: endpoint.url("/broken") }], Stop: here }
    })
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
    assert.deepEqual(failures(stream), [failed("status", 503)])
    const told = endpoint.calls.slice(calls).filter(({ path }) => path === "/others")
    assert.deepEqual(
      told.map(({ body }) => body["hook_event"]),
      ["UserPromptSubmit", "PostToolUse", "Stop"]
    )
    const [prompt, tool, stop] = told
    assert.include(String(at(prompt?.body, "tool_input.prompt")), "Work.")
    assert.include(JSON.stringify(at(tool?.body, "tool_result")), "42")
    assert.strictEqual(at(stop?.body, "result_data.result"), "Done.")
    assert.isUndefined(prompt?.headers["webhook-signature"])
  })

  it("keep a prompt from the model", async () => {
    const { model } = setting()
    const stream = await run({
      ...small,
      prompt: "Tell me.",
      hooks: { UserPromptSubmit: { url: endpoint.url("/blocked") } }
    })
    assert.isEmpty(model.requests().filter(({ sessionId }) => sessionId === stream.sessionId))
    assert.deepInclude(stream.first("error").data, { error_id: "ERR_PROMPT_DENIED", fatal: true })
    assert.strictEqual(at(stream.first("error").data, "details.reason"), "not this prompt")
    assert.strictEqual(at(stream.first("done").data, "reason"), "error")
    const { body } = await setting().service.request("GET", `/api/v1/runs/${stream.runId}`)
    assert.strictEqual(at(body, "error.error_id"), "ERR_PROMPT_DENIED")
  })
})

describe("hooks of a request", () => {
  it("are checked", async () => {
    const url = endpoint.url("/")
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [{ Whenever: { url } }, "body.hooks.Whenever"],
      [{ PreToolUse: { url: "ftp://example.org/" } }, "body.hooks.PreToolUse"],
      [{ PreToolUse: { url, timeout: 0 } }, "body.hooks.PreToolUse"],
      [{ PreToolUse: { url, timeout: 301 } }, "body.hooks.PreToolUse"],
      [{ PreToolUse: { url, matcher: "(" } }, "body.hooks.PreToolUse"],
      [{ PreToolUse: { url, secret: "short" } }, "body.hooks.PreToolUse"],
      [{ PreToolUse: { url, headers: { "Webhook-Id": "mine" } } }, "body.hooks.PreToolUse"]
    ]
    for (const [hooks, path] of cases) {
      const answer = await setting().service.request("POST", "/api/v1/query", { body: { prompt: "Hello.", hooks } })
      assert.strictEqual(answer.status, 422, JSON.stringify(hooks))
      assert.isTrue(
        listAt(answer.body, "error.details.issues").some((issue) => textAt(issue, "path").startsWith(path)),
        answer.text
      )
    }
  })
})
