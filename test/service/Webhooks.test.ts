import { Schema } from "effect"
import { randomBytes } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Webhook } from "standardwebhooks"
import { assert, beforeAll, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { ApprovalNeededData } from "../../src/domain/WebhookDelivery.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { json, type ReceivedCall, useHookEndpoint } from "./HookEndpoint.ts"
import { at, listAt, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { scripted, small } from "./Prompts.ts"
import type { Answer } from "./Service.ts"
import { useService } from "./UseService.ts"
import { toolResultBlocks } from "./ToolResults.ts"

const setting = useService({ env: { OUTBOUND_ALLOW: "127.0.0.9" } })

const redacted = "***REDACTED***"
const given = `whsec_${randomBytes(32).toString("base64")}`
const hidden = "Bearer of-the-tenant"

const commandOf = (call: ReceivedCall): string => String(at(call.body, "tool_input.command"))

const endpoint = useHookEndpoint((call, response) => {
  const command = commandOf(call)
  if (call.path === "/eager") {
    const modified_input = command.includes("rewritten") ? { command: "echo rewritten anyway" } : null
    return json({ decision: "allow", modified_input })(call, response)
  }
  if (command.includes("denied")) return json({ decision: "deny", reason: "not in this house" })(call, response)
  if (command.includes("asked")) return json({ decision: "ask" })(call, response)
  if (command.includes("changed")) {
    return json({ decision: "allow", modified_input: { command: "echo something tame" } })(call, response)
  }
  json({ decision: "allow" })(call, response)
})

/** A tenant of its own for a part of the tests: what binds its runs binds no others. */
interface House {
  readonly key: string
  readonly send: (method: string, path: string, body?: unknown, key?: string) => Promise<Answer>
  readonly run: (body: Readonly<Record<string, unknown>>) => Promise<EventReader>
}

const newHouse = async (name: string): Promise<House> => {
  const { service } = setting()
  const made = await service.request("POST", "/api/v1/tenants", {
    body: { name, scopes: ["admin", "query", "bypass_permissions", "expand_prompt"] }
  })
  const key = textAt(made.body, "api_key.key")
  return {
    key,
    send: (method, path, body, as = key) =>
      service.request(method, `/api/v1/webhooks${path}`, { key: as, ...(body === undefined ? {} : { body }) }),
    run: async (body) => {
      const stream = await service.stream("POST", "/api/v1/query", { key, body: { system_prompt: "Answer.", ...body } })
      await stream.finished()
      return stream
    }
  }
}

const errorOf = ({ body, status }: Answer) => [status, at(body, "error.error_id")]

const bash = (command: string): Step => ({ tool: "Bash", input: { command } })

const results = ({ events }: EventReader): ReadonlyArray<string> =>
  toolResultBlocks(events.filter(({ data }) => at(data, "parent_tool_use_id") === null)).map((block) =>
    JSON.stringify(at(block, "content"))
  )

describe("a webhook", () => {
  let house: House
  let stranger: House
  let id: string

  beforeAll(async () => {
    house = await newHouse("keepers")
    stranger = await newHouse("strangers")
  })

  it("is made with a secret that is shown once, and encrypted at rest", async () => {
    const url = `https://guard.example.org/hooks?token=${hidden.slice(7)}`
    const made = await house.send("POST", "", { url, events: ["PreToolUse"], headers: { authorization: hidden } })
    assert.strictEqual(made.status, 201, made.text)
    id = textAt(made.body, "id")
    assert.match(textAt(made.body, "secret"), /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.deepInclude(made.body, {
      url: `https://guard.example.org/hooks?token=${redacted}`,
      events: ["PreToolUse"],
      headers: { authorization: redacted },
      matcher: null,
      timeout: 30,
      enabled: true,
      description: null,
      previous_secret_until: null
    })
    const own = await house.send("POST", "", { url, events: ["Stop"], secret: given })
    assert.strictEqual(textAt(own.body, "secret"), given)
    const list = await house.send("GET", "")
    const one = await house.send("GET", `/${id}`)
    assert.isUndefined(at(one.body, "secret"))
    const rows = await rowsOf(setting().database, "SELECT webhooks::text AS text FROM webhooks")
    assert.lengthOf(rows, 2)
    for (const secret of [given, textAt(made.body, "secret"), hidden.slice(7)]) {
      for (const text of [list.text, one.text, JSON.stringify(rows), setting().service.output()])
        assert.notInclude(text, secret)
    }
  })

  it("is listed by pages, newest first", async () => {
    const first = await house.send("GET", "?page_size=1")
    assert.deepEqual([at(first.body, "webhooks.0.events"), at(first.body, "has_more")], [["Stop"], true])
    const second = await house.send("GET", `?page_size=1&cursor=${textAt(first.body, "next_cursor")}`)
    assert.deepEqual([at(second.body, "webhooks.0.id"), at(second.body, "has_more")], [id, false])
  })

  it("is changed where the change says so, and keeps what is given back as it was shown", async () => {
    const { body } = await house.send("GET", `/${id}`)
    const changed = await house.send("PATCH", `/${id}`, {
      url: at(body, "url"),
      headers: { authorization: redacted, "x-team": "figs" },
      matcher: "Bash|Write",
      timeout: 5,
      enabled: false,
      description: "The house's own"
    })
    assert.deepInclude(changed.body, {
      url: at(body, "url"),
      headers: { authorization: redacted, "x-team": redacted },
      events: ["PreToolUse"],
      matcher: "Bash|Write",
      timeout: 5,
      enabled: false,
      description: "The house's own"
    })
    const back = await house.send("PATCH", `/${id}`, { matcher: null, description: null })
    assert.deepInclude(back.body, { matcher: null, description: null, timeout: 5 })
  })

  it("is checked", async () => {
    const url = "https://guard.example.org/"
    const cases: ReadonlyArray<readonly [method: string, path: string, body: unknown, issue: string]> = [
      ["POST", "", { url }, "body.events"],
      ["POST", "", { url, events: [] }, "body.events"],
      ["POST", "", { url, events: ["Stop", "Stop"] }, "body.events"],
      ["POST", "", { url, events: ["Whenever"] }, "body.events"],
      ["POST", "", { url: "ftp://guard.example.org/", events: ["Stop"] }, "body.url"],
      ["POST", "", { url: `${url}?token=${redacted}`, events: ["Stop"] }, "body.url"],
      ["POST", "", { url, events: ["Stop"], headers: { authorization: redacted } }, "body.headers"],
      ["POST", "", { url, events: ["Stop"], headers: { "Webhook-Id": "mine" } }, "body.headers"],
      ["POST", "", { url, events: ["Stop"], secret: "short" }, "body.secret"],
      ["POST", "", { url, events: ["Stop"], timeout: 301 }, "body.timeout"],
      ["POST", "", { url, events: ["Stop"], matcher: "(" }, "body.matcher"],
      ["POST", "", { url, events: ["Stop"], retries: 3 }, "body.retries"],
      ["PATCH", `/${id}`, { secret: given }, "body.secret"],
      ["PATCH", `/${id}`, { headers: { "x-new": redacted } }, "body.headers"],
      ["PATCH", `/${id}`, { url: "https://elsewhere.example.org/" }, "body.headers"],
      [
        "PATCH",
        `/${id}`,
        { url: "https://elsewhere.example.org/", headers: { authorization: redacted } },
        "body.headers"
      ],
      ["POST", `/${id}/rotate-secret`, { keep_previous_seconds: 604_801 }, "body.keep_previous_seconds"],
      ["GET", "/no-id", undefined, "params.id"],
      ["GET", "?cursor=made-up", undefined, "query.cursor"]
    ]
    for (const [method, path, body, issue] of cases) {
      const answer = await house.send(method, path, body)
      assert.strictEqual(answer.status, 422, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`)
      const paths = listAt(answer.body, "error.details.issues").map((one) => textAt(one, "path"))
      assert.isTrue(paths[0]?.startsWith(issue), answer.text)
    }
  })

  it("does not exist for another tenant, and is for administrators only", async () => {
    const { service } = setting()
    const plain = await service.request("POST", "/api/v1/api-keys", {
      key: house.key,
      body: { name: "plain", scopes: ["query"] }
    })
    const operations = [
      ["GET", `/${id}`],
      ["PATCH", `/${id}`, { enabled: true }],
      ["POST", `/${id}/rotate-secret`, {}],
      ["DELETE", `/${id}`]
    ] as const
    for (const [method, path, body] of operations) {
      assert.deepEqual(errorOf(await stranger.send(method, path, body)), [404, "ERR_WEBHOOK_NOT_FOUND"])
      const refused = await house.send(method, path, body, textAt(plain.body, "key"))
      assert.deepEqual(errorOf(refused), [403, "ERR_FORBIDDEN"])
    }
    assert.deepEqual(at((await stranger.send("GET", "")).body, "webhooks"), [])
    assert.strictEqual(at((await house.send("GET", `/${id}`)).body, "enabled"), false)
  })

  it("that does not open any more is shown as that, can be deleted, and is gone then", async () => {
    await rowsOf(setting().database, "UPDATE webhooks SET settings = 'v1.00000000.AAAA' WHERE id = $1", [id])
    assert.deepInclude((await house.send("GET", `/${id}`)).body, { url: null, headers: {}, enabled: false })
    assert.strictEqual(listAt((await house.send("GET", "")).body, "webhooks").length, 2)
    for (const [method, path] of [
      ["PATCH", ""],
      ["POST", "/rotate-secret"]
    ] as const)
      assert.deepEqual(errorOf(await house.send(method, `/${id}${path}`, {})), [500, "ERR_SECRET_UNREADABLE"])
    assert.strictEqual((await house.send("DELETE", `/${id}`)).status, 204)
    assert.deepEqual(errorOf(await house.send("DELETE", `/${id}`)), [404, "ERR_WEBHOOK_NOT_FOUND"])
  })

  it("is one of at most 50", async () => {
    const asked = { url: "https://guard.example.org/", events: ["Stop"], enabled: false }
    for (let made = 0; made < 50; made++) assert.strictEqual((await stranger.send("POST", "", asked)).status, 201)
    const answer = await stranger.send("POST", "", asked)
    assert.deepEqual(errorOf(answer), [409, "ERR_RESOURCE_LIMIT_REACHED"])
    assert.strictEqual(at(answer.body, "error.details.limit"), 50)
  })
})

describe("a tenant's webhook", () => {
  let house: House
  let webhook: string
  let first: string
  let second: string
  let stream: EventReader
  const commands = ["allowed", "denied", "asked", "changed", "rewritten"]

  beforeAll(async () => {
    house = await newHouse("guarded")
    const made = await house.send("POST", "", {
      url: endpoint.url("/guard"),
      events: ["PreToolUse", "SubagentStop", "Stop"],
      headers: { authorization: hidden },
      timeout: 5
    })
    webhook = textAt(made.body, "id")
    first = textAt(made.body, "secret")
    const rotated = await house.send("POST", `/${webhook}/rotate-secret`, {})
    second = textAt(rotated.body, "secret")
    assert.isString(at(rotated.body, "previous_secret_until"))
    const inner = scripted("Dig.", bash("echo denied below $((40 + 2))"), { text: "Dug." })
    stream = await house.run({
      prompt: scripted(
        "Work.",
        ...commands.map((word) => bash(`echo ${word} $((40 + 2))`)),
        { tool: "Agent", input: { description: "Dig", subagent_type: "digger", prompt: inner } },
        { text: "Done." }
      ),
      tools: ["Bash", "Agent"],
      agents: { digger: { description: "Digs.", prompt: "Dig.", tools: ["Bash"] } },
      permission_mode: "bypassPermissions",
      hooks: { PreToolUse: { url: endpoint.url("/eager") }, Stop: { url: endpoint.url("/eager") } }
    })
  })

  it("binds every run beside the request's own hooks: the strictest answer counts", () => {
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
    const [allowed, denied, asked, changed, rewritten] = results(stream)
    assert.include(allowed ?? "", "allowed 42")
    assert.include(denied ?? "", "not in this house")
    assert.notInclude(asked ?? "", "asked 42")
    assert.include(changed ?? "", "something tame")
    assert.include(rewritten ?? "", "decide about")
    assert.notInclude(rewritten ?? "", "anyway")
    assert.isEmpty(stream.all("error"))
  })

  it("is asked about subagents too, and told when one stops", () => {
    const calls = endpoint.calls.filter(({ path }) => path === "/guard")
    const below = calls.filter(({ body }) => at(body, "subagent_name") === "digger")
    assert.deepEqual(
      below.map(({ body }) => at(body, "hook_event")),
      ["PreToolUse", "SubagentStop"]
    )
    assert.notInclude(stream.raw, "denied below 42")
    assert.strictEqual(at(below[1]?.body, "result_data.result"), "Dug.")
    assert.strictEqual(at(calls.at(-1)?.body, "hook_event"), "Stop")
  })

  it("is signed with its secret and, for a while, the one before", async () => {
    const calls = endpoint.calls.filter(({ path }) => path === "/guard")
    assert.lengthOf(calls, 9)
    for (const { headers, text } of calls) {
      const signed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
      assert.doesNotThrow(() => new Webhook(second).verify(text, signed))
      assert.doesNotThrow(() => new Webhook(first).verify(text, signed))
      assert.throws(() => new Webhook(given).verify(text, signed))
      assert.strictEqual(headers["authorization"], hidden)
    }
    const rotated = await house.send("POST", `/${webhook}/rotate-secret`, { secret: given, keep_previous_seconds: 0 })
    assert.deepInclude(rotated.body, { secret: given, previous_secret_until: null })
    const before = endpoint.calls.length
    await house.run({ ...small, prompt: "Nothing much." })
    const [stop] = endpoint.calls.slice(before)
    assert.strictEqual(String(stop?.headers["webhook-signature"]).split(" ").length, 1)
    const signed = Object.fromEntries(Object.entries(stop?.headers ?? {}).map(([name, value]) => [name, String(value)]))
    assert.doesNotThrow(() => new Webhook(given).verify(stop?.text ?? "", signed))
  })

  it("refuses tool calls when it does not answer or cannot be read, whatever settings the workspace has", async () => {
    const { database, service } = setting()
    const [session] = await rowsOf(database, "SELECT cwd FROM sessions WHERE id = $1", [stream.sessionId])
    const directory = join(textAt(session, "cwd"), ".claude")
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, "settings.json"), JSON.stringify({ disableAllHooks: true }))
    const again = {
      session_id: stream.sessionId,
      prompt: scripted("Again.", bash("echo $((40 + 2))"), { text: "Done." }),
      tools: ["Bash"],
      setting_sources: ["project", "local", "user"],
      permission_mode: "bypassPermissions"
    }
    const failed = async (reason: string, status?: number) => {
      const run = await house.run(again)
      assert.notInclude(results(run)[0] ?? "", "42")
      assert.include(results(run)[0] ?? "", reason)
      assert.deepEqual(
        run.all("error").map(({ data }) => at(data, "details")),
        [{ hook_event: "PreToolUse", webhook_id: webhook, reason, ...(status === undefined ? {} : { status }) }]
      )
      const line = service.logs().find((one) => one["run_id"] === run.runId && one["error_id"] === "ERR_HOOK_FAILED")
      assert.deepInclude(line, { webhook_id: webhook, reason })
    }
    const moved = { url: "http://127.0.0.9:1/", headers: {}, events: ["PreToolUse"] }
    assert.strictEqual((await house.send("PATCH", `/${webhook}`, moved)).status, 200)
    await failed("no_connection")
    await rowsOf(database, "UPDATE webhooks SET settings = 'v1.00000000.AAAA' WHERE id = $1", [webhook])
    await failed("settings_unreadable")
  })

  it("is not asked when it is deleted", async () => {
    await house.send("DELETE", `/${webhook}`)
    const before = endpoint.calls.length
    const run = await house.run({
      prompt: scripted("Free.", bash("echo denied $((40 + 2))"), { text: "Done." }),
      tools: ["Bash"],
      permission_mode: "bypassPermissions"
    })
    assert.include(results(run)[0] ?? "", "denied 42")
    assert.lengthOf(endpoint.calls, before)
  })
})

describe("what happens beside tools", () => {
  let house: House
  let compacted: EventReader
  let asked: EventReader
  let rewritten: Answer

  const calls = (path: string) => endpoint.calls.filter((call) => call.path === path)

  beforeAll(async () => {
    const { service } = setting()
    house = await newHouse("watched")
    await house.send("POST", "", { url: endpoint.url("/beside"), events: ["PreCompact", "Notification"] })
    await house.send("POST", "", { url: endpoint.url("/inbox"), events: ["approval.needed"] })
    await house.send("POST", "", { url: endpoint.url("/asking"), events: ["PreToolUse"] })
    const first = await house.run({ ...small, prompt: "Tell me about figs." })
    const compact = house.run({ ...small, session_id: first.sessionId, prompt: "/compact", expand_prompt: true })
    asked = await service.stream("POST", "/api/v1/query", {
      key: house.key,
      body: {
        system_prompt: "Answer.",
        tools: ["Bash"],
        approvals: { mode: "ask" },
        prompt: scripted("Ask.", bash("touch asked-secret"), { text: "Done." })
      }
    })
    await until(
      "it is told that somebody is needed",
      () => calls("/inbox").length > 0 && calls("/beside").length > 1,
      40_000
    )
    const approval = `/api/v1/approvals/${textAt(asked.first("permission_request").data, "approval_id")}`
    const answer = (body: unknown) => service.request("POST", approval, { key: house.key, body })
    rewritten = await answer({ decision: "allow", input: { command: "touch what-no-hook-saw" } })
    await answer({ decision: "deny" })
    await asked.finished()
    compacted = await compact
  }, 60_000)

  it("is asked about: a conversation that is summarised, and an agent that waits for a person", () => {
    const of = (event: string) => calls("/beside").filter(({ body }) => at(body, "hook_event") === event)
    const [compact, ...more] = of("PreCompact")
    assert.deepInclude(compact?.body, { run_id: compacted.runId, trigger: "manual" })
    assert.isEmpty(more)
    assert.include(compacted.eventText, "[transcript]")
    assert.notInclude(compacted.eventText, ".jsonl")
    const [notification] = of("Notification")
    assert.strictEqual(at(notification?.body, "run_id"), asked.runId)
    assert.include(at(notification?.body, "message"), "Bash")
  })

  it("is told: that a person is needed, and not for what", async () => {
    const [call, ...more] = calls("/inbox")
    assert.isEmpty(more)
    assert.strictEqual(at(call?.body, "type"), "approval.needed")
    const { approval_id, ...data } = Schema.decodeUnknownSync(ApprovalNeededData)(at(call?.body, "data"))
    const { body } = await setting().service.request("GET", `/api/v1/approvals/${approval_id}`, { key: house.key })
    for (const field of ["run_id", "session_id", "kind", "tool_name"] as const)
      assert.strictEqual(data[field], at(body, field))
    for (const field of ["created_at", "expires_at"])
      assert.strictEqual(at(call?.body, `data.${field}`), at(body, field))
    assert.strictEqual(data.run_id, asked.runId)
    assert.notInclude(call?.text, "asked-secret")
  })

  it("is decided by people as the hooks have seen it", () => {
    assert.strictEqual(rewritten.status, 422, rewritten.text)
    assert.strictEqual(at(rewritten.body, "error.details.issues.0.path"), "body.input")
    assert.strictEqual(calls("/asking").length, 1)
  })
})
