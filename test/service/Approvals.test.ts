import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { scrape, sumOf } from "../ops/Metrics.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader, Frame } from "./EventReader.ts"
import { json, useHookEndpoint } from "./HookEndpoint.ts"
import { at, listAt, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { scripted } from "./Prompts.ts"
import { openSocket, type Socket } from "./Socket.ts"
import { useService } from "./UseService.ts"
import { toolResults } from "./ToolResults.ts"

const setting = useService({ env: { OUTBOUND_ALLOW: "127.0.0.9" } })

const endpoint = useHookEndpoint(json({ decision: "ask", reason: "look at this" }))

/** Another tenant's key. */
let stranger: string
/** A key of those who decide and start nothing, and its id; and one that may not even do that. */
let approver: string
let approverId: string
let clerk: string

const keyWith = (...scopes: ReadonlyArray<string>) =>
  setting().service.request("POST", "/api/v1/api-keys", { body: { name: "k", scopes } })

beforeAll(async () => {
  const { body: made } = await keyWith("approvals")
  approver = textAt(made, "key")
  approverId = textAt(made, "id")
  clerk = textAt((await keyWith("admin")).body, "key")
  const { body } = await setting().service.request("POST", "/api/v1/tenants", { body: { name: "strangers" } })
  stranger = textAt(body, "api_key.key")
})

const request = { tools: ["Bash", "Write", "AskUserQuestion"], system_prompt: "Answer.", approvals: { mode: "ask" } }

const bash = (command: string): Step => ({ tool: "Bash", input: { command } })

const colour = {
  question: "Which colour?",
  header: "Colour",
  multiSelect: false,
  options: [
    { label: "Red", description: "Like fire" },
    { label: "Blue", description: "Like the sea" }
  ]
}
const fruits = { ...colour, question: "Which fruits?", header: "Fruits", multiSelect: true }

const ask = (...questions: ReadonlyArray<unknown>): Step => ({ tool: "AskUserQuestion", input: { questions } })

const start = (steps: ReadonlyArray<Step>, more: Readonly<Record<string, unknown>> = {}): Promise<EventReader> =>
  setting().service.stream("POST", "/api/v1/query", {
    body: { ...request, prompt: scripted("Work.", ...steps, { text: "Done." }), ...more }
  })

/** The nth thing that a run asks. */
const asked = async (stream: EventReader, name: "question" | "permission_request", nth = 0): Promise<Frame> => {
  await until(`${name} ${nth}`, () => stream.all(name).length > nth || stream.end !== undefined)
  const event = stream.all(name)[nth]
  if (event === undefined) throw new Error(`No ${name} ${nth}: ${stream.raw}`)
  return event
}

const idOf = (event: Frame) => textAt(event.data, "approval_id")

const answer = (id: string, body: unknown, key?: string) =>
  setting().service.request("POST", `/api/v1/approvals/${id}`, { body, ...(key === undefined ? {} : { key }) })

const accepted = async (event: Frame, body: unknown, key?: string) => {
  const given = await answer(idOf(event), body, key)
  const { approval_id, run_id, session_id } = event.data as Record<string, unknown>
  assert.deepEqual(given.body, { status: "accepted", approval_id, session_id, run_id }, given.text)
}

const rulesOf = ({ sessionId }: EventReader) => `/api/v1/sessions/${sessionId}/rules`

const takeBack = (stream: EventReader, rule: string, key?: string) =>
  setting().service.request("DELETE", `${rulesOf(stream)}/${rule}`, key === undefined ? {} : { key })

const finish = async (stream: EventReader) => {
  await stream.finished()
  assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
}

const statuses = (stream: EventReader) =>
  stream.all("status").map(({ data }) => [at(data, "status"), at(data, "message")])

const fileOf = (stream: EventReader, name: string) =>
  rowsOf(setting().database, "SELECT cwd FROM sessions WHERE id = $1", [stream.sessionId]).then(([row]) =>
    join(String(row?.["cwd"]), name)
  )

describe("a permission", () => {
  it("is asked for, with the event a row in the inbox; allowed, the tool runs with what it was given", async () => {
    const { service } = setting()
    const stream = await start([bash("touch once.txt"), bash("touch edited.txt"), bash("touch denied.txt")])
    const first = await asked(stream, "permission_request")
    const tool_use_id = textAt(first.data, "tool_use_id")
    assert.deepInclude(first.data, {
      session_id: stream.sessionId,
      run_id: stream.runId,
      tool_name: "Bash",
      input: { command: "touch once.txt" }
    })
    const call = stream.all("message").find(({ data }) => JSON.stringify(data).includes(tool_use_id))
    assert.isBelow(Number(call?.id), Number(first.id))
    const inbox = await service.request("GET", "/api/v1/approvals?status=pending&page_size=1")
    const [row] = listAt(inbox.body, "approvals")
    assert.deepInclude(row, {
      id: idOf(first),
      session_id: stream.sessionId,
      run_id: stream.runId,
      kind: "permission",
      tool_name: "Bash",
      tool_use_id,
      input: { command: "touch once.txt" },
      status: "pending",
      answer: null,
      answered_at: null,
      expires_at: at(first.data, "expires_at")
    })
    assert.strictEqual((await answer(idOf(first), { decision: "allow" }, stranger)).status, 404)
    await accepted(first, { decision: "allow" })
    await accepted(await asked(stream, "permission_request", 1), {
      decision: "allow",
      input: { command: "touch other.txt" }
    })
    const third = await asked(stream, "permission_request", 2)
    await accepted(third, { decision: "deny", message: "Not on a Tuesday." })
    await finish(stream)
    assert.isTrue(existsSync(await fileOf(stream, "once.txt")))
    assert.isTrue(existsSync(await fileOf(stream, "other.txt")))
    assert.isFalse(existsSync(await fileOf(stream, "edited.txt")))
    assert.isFalse(existsSync(await fileOf(stream, "denied.txt")))
    assert.include(toolResults(stream)[2] ?? "", "Not on a Tuesday.")
    assert.deepEqual(
      statuses(stream).map(([status]) => status),
      ["approval_allowed", "approval_allowed", "approval_denied"]
    )
    const read = await service.request("GET", `/api/v1/approvals/${idOf(third)}`)
    assert.deepInclude(read.body, {
      status: "answered",
      answer: { decision: "deny", message: "Not on a Tuesday." }
    })
    const list = `/api/v1/approvals?run_id=${stream.runId}&page_size=2`
    const page = await service.request("GET", list)
    const rest = await service.request("GET", `${list}&cursor=${textAt(page.body, "next_cursor")}`)
    assert.deepEqual(
      [page, rest].map(({ body }) => listAt(body, "approvals").map((one) => at(one, "input.command"))),
      [["touch denied.txt", "touch edited.txt"], ["touch once.txt"]]
    )
    assert.deepEqual(listAt((await service.request("GET", list, { key: stranger })).body, "approvals"), [])
  })

  it("is allowed for the session: just this, on later turns too, in no fork, and until it is taken back", async () => {
    const { service } = setting()
    const stream = await start([bash("touch same.txt"), bash("touch same.txt"), bash("touch another.txt")])
    const first = await asked(stream, "permission_request")
    assert.lengthOf(listAt(first.data, "rules"), 1)
    const forAll = { decision: "allow", scope: "session" }
    assert.strictEqual((await answer(idOf(first), { ...forAll, input: { command: "touch x.txt" } })).status, 422)
    await accepted(first, forAll, approver)
    const second = await asked(stream, "permission_request", 1)
    assert.strictEqual(at(second.data, "input.command"), "touch another.txt")
    await accepted(second, { decision: "allow" })
    await finish(stream)

    // A fork is another session: nobody has allowed anything for it.
    const path = `/api/v1/sessions/${stream.sessionId}`
    const fork = await service.stream("POST", `${path}/fork`, {
      body: { ...request, prompt: scripted("Elsewhere.", bash("touch same.txt"), { text: "Done." }) }
    })
    const forked = await asked(fork, "permission_request")
    assert.strictEqual(at(forked.data, "input.command"), "touch same.txt")
    await accepted(forked, { decision: "deny" })
    await finish(fork)
    assert.deepEqual(listAt((await service.request("GET", rulesOf(fork))).body, "rules"), [])

    const later = await service.stream("POST", `${path}/resume`, {
      body: {
        ...request,
        prompt: scripted("Again.", bash("touch same.txt"), bash("touch another.txt"), bash("touch same.txt"), {
          text: "Done."
        })
      }
    })
    const third = await asked(later, "permission_request")
    assert.strictEqual(at(third.data, "input.command"), "touch another.txt")

    // What was allowed is taken back while the agent is at work.
    const list = await service.request("GET", rulesOf(stream), { key: approver })
    const allowed = await service.request("GET", `/api/v1/approvals/${idOf(first)}`, { key: approver })
    assert.strictEqual(at(allowed.body, "answered_by"), approverId)
    assert.deepEqual(list.body, {
      rules: [
        {
          id: idOf(first),
          session_id: stream.sessionId,
          run_id: stream.runId,
          tool_name: "Bash",
          rules: ["Bash(touch same.txt)"],
          allowed_by: at(allowed.body, "answered_by"),
          allowed_at: at(allowed.body, "answered_at")
        }
      ],
      next_cursor: null,
      has_more: false
    })
    const refusals = [
      [randomUUID(), undefined, 404, "ERR_SESSION_RULE_NOT_FOUND"],
      [idOf(second), undefined, 404, "ERR_SESSION_RULE_NOT_FOUND"],
      [idOf(third), undefined, 404, "ERR_SESSION_RULE_NOT_FOUND"],
      [idOf(first), stranger, 404, "ERR_SESSION_NOT_FOUND"],
      ["none", undefined, 422, "ERR_VALIDATION"]
    ] as const
    for (const [id, key, status, error_id] of refusals) {
      const refused = await takeBack(stream, id, key)
      assert.deepEqual([refused.status, at(refused.body, "error.error_id")], [status, error_id], id)
    }
    assert.strictEqual((await takeBack(fork, idOf(first))).status, 404)
    assert.strictEqual((await service.request("GET", rulesOf(stream), { key: stranger })).status, 404)
    const taken = await takeBack(stream, idOf(first), approver)
    assert.deepEqual([taken.status, taken.text], [204, ""])
    assert.deepEqual(listAt((await service.request("GET", rulesOf(stream))).body, "rules"), [])
    assert.strictEqual((await takeBack(stream, idOf(first))).status, 204)

    await accepted(third, { decision: "allow" })
    const again = await asked(later, "permission_request", 1)
    assert.strictEqual(at(again.data, "input.command"), "touch same.txt")
    await accepted(again, { decision: "deny" })
    await finish(later)
    assert.deepEqual(
      statuses(later).map(([status]) => status),
      ["rules_changed", "rules_changed", "approval_allowed", "approval_denied"]
    )
    const { body } = await service.request("GET", `/api/v1/approvals?session_id=${stream.sessionId}&status=answered`)
    assert.deepEqual(
      listAt(body, "approvals").map((one) => [at(one, "answer.scope"), at(one, "rules.0")]),
      [
        [undefined, "Bash(touch same.txt)"],
        [undefined, "Bash(touch another.txt)"],
        [undefined, "Bash(touch another.txt)"],
        ["session", "Bash(touch same.txt)"]
      ]
    )
  })

  it("is asked for by a hook of the request, too", async () => {
    const stream = await start([bash("echo $((40 + 2))")], {
      allowed_tools: ["Bash"],
      hooks: { PreToolUse: { url: endpoint.url("/ask") } }
    })
    const event = await asked(stream, "permission_request")
    assert.include(String(at(event.data, "reason")), "look at this")
    await accepted(event, { decision: "allow" })
    await finish(stream)
    assert.include(toolResults(stream)[0] ?? "", "42")
  })

  it("is refused when nobody answers in time, or when the run ends; after that it is gone", async () => {
    const before = sumOf(await scrape(setting().service), "approvals_total", { outcome: "expired" })
    const stream = await start([bash("touch late.txt"), bash("touch never.txt")], {
      approvals: { mode: "ask", expires_in: 1 }
    })
    const first = await asked(stream, "permission_request")
    await until("the expiry", () => statuses(stream).some(([status]) => status === "approval_expired"))
    const late = await answer(idOf(first), { decision: "allow" })
    assert.deepEqual([late.status, at(late.body, "error.error_id")], [410, "ERR_APPROVAL_OVER"])
    assert.deepEqual(at(late.body, "error.details"), { approval_id: idOf(first), status: "expired" })
    assert.strictEqual(sumOf(await scrape(setting().service), "approvals_total", { outcome: "expired" }), before + 1)
    await finish(stream)
    assert.include(toolResults(stream)[0] ?? "", "Nobody answered in time")
    assert.isFalse(existsSync(await fileOf(stream, "late.txt")))

    const cut = await start([bash("touch cut.txt")])
    const open = await asked(cut, "permission_request")
    const interrupted = await setting().service.request("POST", `/api/v1/runs/${cut.runId}/interrupt`)
    assert.strictEqual(interrupted.status, 200)
    await cut.finished()
    const gone = await answer(idOf(open), { decision: "allow" })
    assert.deepEqual([gone.status, at(gone.body, "error.details.status")], [410, "cancelled"])
    assert.isFalse(existsSync(await fileOf(cut, "cut.txt")))
  })

  it("is refused at once where nobody is to be asked", async () => {
    const stream = await start([bash("touch unasked.txt")], { approvals: { mode: "deny" } })
    await finish(stream)
    assert.lengthOf(stream.all("permission_denied"), 1)
    assert.lengthOf(stream.all("permission_request"), 0)
  })
})

describe("a key", () => {
  it("of the scope approvals reads and answers what is asked, and does nothing else; one without may not", async () => {
    const { service } = setting()
    const stream = await start([bash("touch by-approver.txt"), ask(colour)])
    const event = await asked(stream, "permission_request")
    const session = `/api/v1/sessions/${stream.sessionId}`
    const one = `/api/v1/approvals/${idOf(event)}`
    const forApprovers = [
      ["GET", "/api/v1/approvals?status=pending", undefined, 200],
      ["GET", one, undefined, 200],
      ["GET", `${session}/rules`, undefined, 200],
      ["DELETE", `${session}/rules/${idOf(event)}`, undefined, 404],
      ["POST", one, { decision: "allow" }, 200],
      ["POST", `${session}/answer`, { answer: "Red" }, 200]
    ] as const
    const allow = { decision: "allow", input: { command: "touch by-approver.txt" } }
    const forOthers = [
      ["POST", "/api/v1/query", { ...request, prompt: "Hi." }],
      ["POST", "/api/v1/query/single", { ...request, prompt: "Hi." }],
      ["POST", `${session}/resume`, { prompt: "Hi." }],
      ["POST", `${session}/control`, { permission_mode: "plan" }],
      ["POST", `${session}/interrupt`, undefined],
      ["GET", session, undefined],
      ["GET", `/api/v1/runs/${stream.runId}/events`, undefined],
      ["GET", "/api/v1/api-keys", undefined],
      // What the tool is called with is not theirs to say.
      ["POST", one, allow],
      ["POST", `${session}/answer`, allow]
    ] as const
    const send = async (method: string, path: string, body: unknown, key: string) => {
      const { body: said, status } = await service.request(method, path, {
        key,
        ...(body === undefined ? {} : { body })
      })
      return [status, at(said, "error.details.scope")]
    }
    for (const [method, path, body] of forApprovers) {
      assert.deepEqual(await send(method, path, body, clerk), [403, "approvals"], `${method} ${path}`)
    }
    for (const [method, path, body] of forOthers) {
      const scope = path.endsWith("api-keys") ? "admin" : "query"
      assert.deepEqual(await send(method, path, body, approver), [403, scope], `${method} ${path}`)
    }
    for (const [method, path, body, status] of forApprovers) {
      if (path.endsWith("answer")) await asked(stream, "question")
      assert.deepEqual(await send(method, path, body, approver), [status, undefined], `${method} ${path}`)
    }
    await finish(stream)
    assert.isTrue(existsSync(await fileOf(stream, "by-approver.txt")))
    assert.include(toolResults(stream).at(-1) ?? "", "Red")
  })
})

describe("answers", () => {
  it("count once, of two at the same time one; and must fit what was asked", async () => {
    const { service } = setting()
    const stream = await start([bash("touch race.txt && true"), ask(colour, fruits)])
    const event = await asked(stream, "permission_request")
    const misfits = [
      {},
      { decision: "maybe" },
      { decision: "allow", message: "why" },
      { decision: "deny", input: {} },
      { decision: "deny", scope: "session" },
      { decision: "allow", answers: { "Which colour?": "Red" } },
      // No rule would allow just this: of a command with several parts each is held against the rules.
      { decision: "allow", scope: "session" },
      { decision: "allow", more: 1 }
    ]
    for (const misfit of misfits) {
      assert.strictEqual((await answer(idOf(event), misfit)).status, 422, JSON.stringify(misfit))
    }
    const two = await Promise.all([
      answer(idOf(event), { decision: "allow" }),
      answer(idOf(event), { decision: "deny", message: "no" })
    ])
    assert.deepEqual(two.map(({ status }) => status).toSorted(), [200, 409])
    const loser = two.find(({ status }) => status === 409)
    assert.strictEqual(at(loser?.body, "error.error_id"), "ERR_APPROVAL_ANSWERED")
    const winner = two[0]?.status === 200 ? "allow" : "deny"
    assert.strictEqual(
      at((await service.request("GET", `/api/v1/approvals/${idOf(event)}`)).body, "answer.decision"),
      winner
    )

    const question = await asked(stream, "question")
    assert.deepInclude(question.data, { question: "Which colour?", session_id: stream.sessionId })
    assert.deepEqual(at(question.data, "questions.1.options.1"), { label: "Blue", description: "Like the sea" })
    const path = `/api/v1/sessions/${stream.sessionId}/answer`
    const answers = { "Which colour?": "Red", "Which fruits?": ["Fig", "Plum"] }
    for (const body of [
      { answer: "Red" },
      { decision: "allow" },
      { decision: "allow", answers: { "Which colour?": "Red" } },
      { decision: "allow", answers: { ...answers, "Which car?": "None" } },
      { decision: "allow", answers: { ...answers, "Which colour?": ["Red", "Blue"] } },
      { decision: "allow", answers, scope: "session" },
      { answer: "Red", decision: "allow" },
      {}
    ]) {
      assert.strictEqual((await service.request("POST", path, { body })).status, 422, JSON.stringify(body))
    }
    const given = await service.request("POST", path, { body: { decision: "allow", answers } })
    assert.deepInclude(given.body, { status: "accepted", session_id: stream.sessionId }, given.text)
    await finish(stream)
    assert.strictEqual(existsSync(await fileOf(stream, "race.txt")), winner === "allow")
    const last = toolResults(stream).at(-1) ?? ""
    assert.include(last, "Red")
    assert.include(last, "Fig, Plum")
    const nothing = await service.request("POST", path, { body: { answer: "Blue" } })
    assert.deepEqual([nothing.status, at(nothing.body, "error.error_id")], [404, "ERR_NOTHING_TO_ANSWER"])
    for (const id of [randomUUID(), idOf(event)]) {
      const unknown = await answer(id, { decision: "allow" }, stranger)
      assert.deepEqual([unknown.status, at(unknown.body, "error.error_id")], [404, "ERR_APPROVAL_NOT_FOUND"])
    }
    assert.strictEqual((await answer("none", { decision: "allow" })).status, 422)
  })
})

describe("a WebSocket", () => {
  let socket: Socket
  afterAll(() => socket.close())

  it("answers a question with a text, also where permissions are bypassed, and controls the run", async () => {
    const { service } = setting()
    const { body } = await service.request("POST", "/api/v1/api-keys", {
      body: { name: "bold", scopes: ["query", "bypass_permissions"] }
    })
    socket = await openSocket(service, { headers: { "x-api-key": textAt(body, "key") } })
    const ack = await socket.ask(
      {
        type: "prompt",
        ...request,
        permission_mode: "bypassPermissions",
        prompt: scripted("Work.", ask(colour), { text: "I am {{model}}." })
      },
      "p1"
    )
    await socket.event(ack["run_id"], "question")
    const changed = await socket.ask({ type: "control", model: "claude-opus-4-6" }, "c1")
    assert.deepInclude(changed, { type: "ack", run_id: ack["run_id"] })
    assert.strictEqual(at(await socket.ask({ type: "control" }, "c2"), "error.error_id"), "ERR_VALIDATION")
    const answered = await socket.ask({ type: "answer", answer: "Blue" }, "a1")
    assert.deepInclude(answered, { type: "ack", session_id: ack["session_id"], run_id: ack["run_id"] })
    const result = await socket.event(ack["run_id"], "result")
    assert.strictEqual(at(result, "data.result"), "I am claude-opus-4-6.")
    assert.include(JSON.stringify(socket.events(ack["run_id"])), "Blue")
    assert.strictEqual(
      at(await socket.ask({ type: "answer", answer: "Blue" }, "a2"), "error.error_id"),
      "ERR_NOTHING_TO_ANSWER"
    )
  })
})
