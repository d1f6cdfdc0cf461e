import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { agentProcesses } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { json, useHookEndpoint } from "./HookEndpoint.ts"
import { at, listAt, textAt } from "./Json.ts"
import { until } from "./Polling.ts"
import { scripted } from "./Prompts.ts"
import { useService } from "./UseService.ts"
import { toolResults } from "./ToolResults.ts"

// An agent is let go as soon as it does nothing but wait.
const setting = useService({ env: { APPROVAL_HOLD: "0 seconds", OUTBOUND_ALLOW: "127.0.0.9" } })

const endpoint = useHookEndpoint(json({ decision: "ask", reason: "look at this" }))

const options = {
  tools: ["Bash", "Read", "AskUserQuestion"],
  system_prompt: "Answer.",
  approvals: { mode: "ask" }
}

const agents = { digger: { description: "Digs.", prompt: "Dig.", tools: ["Bash"] } }

/** The tool calls that a stream shows, in order; those of subagents too. */
const callsIn = (stream: EventReader) =>
  stream
    .all("message")
    .flatMap(({ data }) => listAt(data, "content"))
    .filter((block) => at(block, "type") === "tool_use")

/** What a subagent is called with, so that it does this. */
const subtask = (...steps: ReadonlyArray<Step>) => ({
  description: "Dig",
  subagent_type: "digger",
  prompt: scripted("Dig.", ...steps)
})

const bash = (command: string): Step => ({ tool: "Bash", input: { command } })

const body = (steps: ReadonlyArray<Step>, more: Readonly<Record<string, unknown>> = {}) => ({
  ...options,
  prompt: scripted("Work.", ...steps, { text: "Done." }),
  ...more
})

/** Starts a run and reads it until it waits. */
const untilWaiting = async (
  steps: ReadonlyArray<Step>,
  more?: Readonly<Record<string, unknown>>
): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", "/api/v1/query", { body: body(steps, more) })
  await stream.finished()
  assert.strictEqual(at(stream.first("done").data, "reason"), "waiting", stream.raw)
  return stream
}

/** Follows a run after what a stream has shown of it. */
const goOn = (stream: EventReader): Promise<EventReader> =>
  setting().service.stream("GET", `/api/v1/runs/${stream.runId}/events`, {
    headers: { "last-event-id": stream.events.at(-1)?.id ?? "" }
  })

const askedIn = (stream: EventReader) =>
  stream.events.findLast(({ event }) => event === "permission_request" || event === "question")?.data

const answer = (stream: EventReader, given: unknown) =>
  setting().service.request("POST", `/api/v1/approvals/${textAt(askedIn(stream), "approval_id")}`, { body: given })

const lines = async (stream: EventReader, name: string): Promise<ReadonlyArray<string>> => {
  const [row] = await rowsOf(setting().database, "SELECT cwd FROM sessions WHERE id = $1", [stream.sessionId])
  try {
    return readFileSync(join(String(row?.["cwd"]), name), "utf8")
      .trim()
      .split("\n")
  } catch {
    return []
  }
}

const runOf = async (stream: EventReader) =>
  (await setting().service.request("GET", `/api/v1/runs/${stream.runId}`)).body

/** An answer that costs more than a dollar, whichever model gives it. */
const dear = { usage: { output_tokens: 1_000_000 } } as const

describe("a run whose agent waits for an answer", () => {
  it("lets the agent go, and goes on with the answer under its id: the call is made once, as it was allowed", async () => {
    const { model, service } = setting()
    const first = await untilWaiting(
      [
        {
          tools: [
            { name: "Bash", input: { command: "echo one" } },
            ...[1, 2].map((n) => ({ name: "Bash", input: { command: `echo call ${n} >> out.txt` } }))
          ]
        }
      ],
      { hooks: { PreToolUse: { url: endpoint.url("/ask"), matcher: "Bash" } }, allowed_tools: ["Bash"], agents }
    )
    assert.deepEqual(first.names.slice(-2), ["status", "done"])
    assert.lengthOf(first.all("result"), 0)
    assert.strictEqual(at(await runOf(first), "status"), "waiting")
    await until("no agent is left", () => agentProcesses(service.dataDir).length === 0)
    const requests = model.requests().length
    const calls = endpoint.calls.length

    const path = `/api/v1/sessions/${first.sessionId}`
    const busy = await service.request("POST", `${path}/resume`, { body: body([]) })
    assert.deepEqual([busy.status, at(busy.body, "error.details.run_id")], [409, first.runId])
    assert.strictEqual((await service.request("DELETE", path)).status, 409)

    const reader = await goOn(first)
    const given = await answer(first, { decision: "allow", input: { command: "echo edited >> out.txt" } })
    assert.strictEqual(given.status, 200, given.text)
    await reader.finished()
    assert.deepEqual(reader.names, ["status", "status", "init", "message", "message", "result", "done"], reader.raw)
    assert.deepEqual(await lines(first, "out.txt"), ["edited"])
    assert.strictEqual(Number(reader.events[0]?.id), Number(first.events.at(-1)?.id) + 1)
    assert.strictEqual(reader.runId, first.runId)
    assert.strictEqual(at(reader.first("done").data, "reason"), "completed", reader.raw)
    assert.strictEqual(at(reader.first("result").data, "result"), "Done.")
    assert.deepInclude(reader.first("result").data, { num_turns: 2, cost_unknown: false })
    assert.isAbove(model.requests().length, requests)
    // It is told all that the request says, as any other.
    const [resumed] = model.requests().slice(requests)
    assert.include(JSON.stringify(at(resumed?.body, "system")), '"Answer."')
    assert.include(JSON.stringify(resumed?.body), "digger: Digs.")
    assert.notInclude(JSON.stringify(resumed?.body), "no longer available")
    assert.notInclude(JSON.stringify(resumed?.body), "MCP server")
    assert.deepEqual(listAt(reader.first("init").data, "mcp_servers"), [])
    assert.lengthOf(endpoint.calls, calls)
    const told = [...toolResults(first), ...toolResults(reader)]
    assert.lengthOf(told, 3, JSON.stringify(told))
    assert.lengthOf(
      told.filter((text) => text.includes("was not made")),
      2
    )

    const again = await service.stream("GET", `/api/v1/runs/${first.runId}/events`)
    await again.finished()
    assert.strictEqual(again.eventText, first.eventText)
    const late = await answer(first, { decision: "deny" })
    assert.deepEqual([late.status, at(late.body, "error.error_id")], [409, "ERR_APPROVAL_ANSWERED"])
  })

  it("has cost what its agents have cost together, and hears an answer also when its budget is spent", async () => {
    const { database, service } = setting()
    const call = { ...bash("echo $((40 + 2)) >> out.txt"), ...dear }
    const first = await untilWaiting([call], { session_budget_usd: 1000, max_turns: 1 })
    const waiting = await runOf(first)
    const before = Number(at(waiting, "total_cost_usd"))
    assert.isAbove(before, 1)
    assert.deepInclude(waiting, { num_turns: 1, cost_unknown: false, ended_at: null })
    const [sum] = listAt({ sums: Object.values(Object(at(waiting, "model_usage"))) }, "sums")
    assert.deepEqual(sum, { ...Object(at(waiting, "usage")), total_cost_usd: before })

    const path = `/api/v1/sessions/${first.sessionId}`
    const budget = await service.request("PATCH", path, { body: { budget_usd: 1 } })
    assert.strictEqual(budget.status, 200)
    const reader = await goOn(first)
    assert.strictEqual((await answer(first, { decision: "allow" })).status, 200)
    await reader.finished()
    assert.deepEqual(await lines(first, "out.txt"), ["42"])
    const error = reader.first("error").data
    assert.strictEqual(at(error, "error_id"), "ERR_SESSION_BUDGET_REACHED", reader.raw)
    const run = await runOf(first)
    const cost = Number(at(run, "total_cost_usd"))
    assert.isAbove(cost, before)
    assert.deepInclude(run, { status: "failed", num_turns: 2, cost_unknown: false })
    assert.isAbove(Number(at(run, "duration_ms")), Number(at(waiting, "duration_ms")))
    assert.deepInclude(at(error, "details.result"), { num_turns: 2, total_cost_usd: cost })
    assert.closeTo(Number(at(error, "details.spent_usd")), cost, 1e-9)
    const [row] = await rowsOf(database, "SELECT total_cost_usd, total_turns::int FROM sessions WHERE id = $1", [
      first.sessionId
    ])
    assert.deepEqual(row, { total_cost_usd: cost, total_turns: 2 })
  })

  it("is answered with a refusal, a text, or nothing until its time is over", async () => {
    const question = {
      question: "Which colour?",
      header: "Colour",
      multiSelect: false,
      options: [
        { label: "Red", description: "" },
        { label: "Blue", description: "" }
      ]
    }
    const asked = await untilWaiting(
      [
        { tool: "AskUserQuestion", input: { questions: [question] } },
        bash("echo $((40 + 2)) > out.txt"),
        bash("echo later"),
        bash("touch late.txt")
      ],
      { approvals: { mode: "ask", expires_in: 3 } }
    )
    const told = await setting().service.request("POST", `/api/v1/sessions/${asked.sessionId}/answer`, {
      body: { answer: "Blue" }
    })
    assert.strictEqual(told.status, 200, told.text)
    const second = await goOn(asked)
    await second.finished()
    assert.include(toolResults(second)[0] ?? "", "Blue")
    assert.strictEqual(at(second.first("done").data, "reason"), "waiting", second.raw)
    await answer(second, { decision: "deny", message: "Not this one." })
    const third = await goOn(second)
    await third.finished()
    assert.include(toolResults(third)[0] ?? "", "Not this one.")
    // What needs no permission is not asked about because of what did.
    assert.include(toolResults(third)[1] ?? "", "later")
    assert.strictEqual(at(third.first("done").data, "reason"), "waiting", third.raw)
    const last = await goOn(third)
    await last.finished()
    assert.include(toolResults(last)[0] ?? "", "Nobody answered in time")
    assert.strictEqual(at(last.first("done").data, "reason"), "completed", last.raw)
    assert.deepEqual(await lines(asked, "out.txt"), [])
    assert.strictEqual((await answer(third, { decision: "allow" })).status, 410)
  })

  it("has no more, when it goes on, what was allowed for the session and taken back meanwhile", async () => {
    const { service } = setting()
    const first = await untilWaiting([bash("touch a.txt"), bash("touch b.txt"), bash("touch a.txt")])
    const rule = textAt(askedIn(first), "approval_id")
    assert.strictEqual((await answer(first, { decision: "allow", scope: "session" })).status, 200)
    const second = await goOn(first)
    await second.finished()
    assert.strictEqual(at(askedIn(second), "input.command"), "touch b.txt", second.raw)
    const path = `/api/v1/sessions/${first.sessionId}/rules`
    assert.strictEqual(at((await service.request("GET", path)).body, "rules.0.id"), rule)
    assert.strictEqual((await service.request("DELETE", `${path}/${rule}`)).status, 204)
    await answer(second, { decision: "allow" })
    const third = await goOn(second)
    await third.finished()
    assert.strictEqual(at(askedIn(third), "input.command"), "touch a.txt", third.raw)
    assert.strictEqual((await service.request("POST", `/api/v1/runs/${first.runId}/interrupt`)).status, 200)
  })

  it("lets the agent go for what a subagent asks, too, who goes on with its own conversation as often as it must", async () => {
    const { model, service } = setting()
    const echo = (word: string) => bash(`echo ${word} >> out.txt`)
    const both = { tools: ["dug", "beside"].map((word) => ({ name: "Bash", input: echo(word).input ?? {} })) }
    const [deeper, end] = [echo("deeper"), { text: "I leave it at that." }]
    const work = subtask(bash("echo looked"), both, echo("dug"), deeper, deeper, echo("last"), end)
    const prompt = scripted("Work.", { tool: "Agent", input: work }, { hold: "last", text: "Done." })
    const first = await untilWaiting([], { agents, tools: undefined, prompt })
    await until("no agent is left", () => agentProcesses(service.dataDir).length === 0)
    const requests = model.requests().length

    const second = await goOn(first)
    const given = await answer(first, { decision: "allow", input: { command: "echo edited >> out.txt" } })
    assert.strictEqual(given.status, 200, given.text)
    await second.finished()
    assert.strictEqual(at(second.first("done").data, "reason"), "waiting", second.raw)
    assert.deepEqual(await lines(first, "out.txt"), ["edited"])
    const init = first.first("init").data
    assert.deepEqual(
      ["model", "tools", "mcp_servers"].map((field) => at(second.first("init").data, field)),
      ["model", "tools", "mcp_servers"].map((field) => at(init, field))
    )
    const [called] = callsIn(first)
    for (const { data } of second.all("message")) {
      assert.strictEqual(at(data, "parent_tool_use_id"), at(called, "id"), second.raw)
    }

    const third = await goOn(second)
    await answer(second, { decision: "deny", message: "Deep enough." })
    await third.finished()
    assert.strictEqual(at(third.first("done").data, "reason"), "waiting", third.raw)
    assert.include(toolResults(third).at(-1) ?? "", "Deep enough.")

    // Who does not make its call again has it not made.
    const rest = await goOn(third)
    await answer(third, { decision: "allow" })
    const approvals = `/api/v1/approvals?run_id=${first.runId}`
    const statuses = async () =>
      listAt((await service.request("GET", approvals)).body, "approvals").map((one) => at(one, "status"))
    await until("it is not asked any more", async () => (await statuses())[0] === "cancelled")
    assert.deepEqual(await statuses(), ["cancelled", "answered", "answered"])
    model.open("last")
    await rest.finished()
    assert.strictEqual(at(rest.first("done").data, "reason"), "completed", rest.raw)
    assert.include(toolResults(rest).at(-1) ?? "", "I leave it at that.")
    assert.deepEqual(await lines(first, "out.txt"), ["edited"])
    assert.deepInclude(await runOf(first), { status: "completed", cost_unknown: false, num_turns: 2 })

    // It was the same subagent with the same words all along, and nobody but itself was asked to repeat anything.
    const seen = model.requests().slice(requests)
    assert.deepEqual(
      seen.map(({ kind }) => kind),
      ["subagent", "subagent", "subagent", "subagent", "subagent", "main"]
    )
    for (const { body: sent, kind } of seen) {
      if (kind === "main") continue
      assert.include(JSON.stringify(at(sent, "system")), '"Dig.')
      assert.include(JSON.stringify(at(sent, "messages")), '"looked"')
      assert.deepEqual(
        listAt(sent, "tools").map((tool) => at(tool, "name")),
        ["Bash"]
      )
    }

    // What is stored is what was said: a call of a subagent, and what it came to.
    const path = `/api/v1/sessions/${first.sessionId}/resume`
    const next = await service.stream("POST", path, { body: { prompt: scripted("Next.", { text: "Yes." }) } })
    await next.finished()
    assert.strictEqual(at(next.first("done").data, "reason"), "completed", next.raw)
    const told = JSON.stringify(at(model.requests().at(-1)?.body, "messages"))
    assert.include(told, '"name":"Agent"')
    assert.include(told, "I leave it at that.")
    assert.notInclude(told, "SendMessage")
  })

  it("keeps the agent while another subagent is at work, and goes on by what was allowed for the session", async () => {
    const { service } = setting()
    const tools = ["one", "two"].map((name) => {
      const touch = bash(`touch ${name}.txt`)
      return { name: "Agent", input: subtask(touch, touch, touch, { text: "Dug." }) }
    })
    const first = await service.stream("POST", "/api/v1/query", { body: body([{ tools }], { agents }) })
    await first.waitFor("permission_request")
    await until("both ask", () => callsIn(first).filter((call) => at(call, "name") === "Bash").length === 2)
    assert.strictEqual((await answer(first, { decision: "allow", scope: "session" })).status, 200)
    await first.finished()
    assert.strictEqual(at(first.first("done").data, "reason"), "waiting", first.raw)
    assert.lengthOf(first.all("permission_request"), 2)

    const second = await goOn(first)
    await answer(first, { decision: "allow", scope: "session" })
    await second.finished()
    assert.strictEqual(at(second.first("done").data, "reason"), "completed", second.raw)
    assert.include(second.raw, "approval_allowed")
    assert.lengthOf(second.all("permission_request"), 0)
    for (const name of ["one.txt", "two.txt"]) assert.deepEqual(await lines(first, name), [""])
  })

  it("keeps the agent for what a subagent of a subagent asks: nobody could take that up again", async () => {
    const { database, service } = setting()
    const dig = { tool: "Agent", input: subtask(bash("echo dug >> out.txt"), { text: "Dug." }) }
    const foreman = { description: "Has others dig.", prompt: "Lead.", tools: ["Agent"] }
    const lead = { description: "Lead", subagent_type: "foreman", prompt: scripted("Lead.", dig, { text: "Led." }) }
    const stream = await service.stream("POST", "/api/v1/query", {
      body: body([{ tool: "Agent", input: lead }], { agents: { ...agents, foreman } })
    })
    await stream.waitFor("permission_request")
    const given = await answer(stream, { decision: "allow" })
    assert.strictEqual(given.status, 200, given.text)
    await stream.finished()
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed", stream.raw)
    assert.deepEqual(await lines(stream, "out.txt"), ["dug"])
    const rows = await rowsOf(database, "SELECT of_subagent FROM approvals WHERE run_id = $1", [stream.runId])
    assert.deepEqual(rows, [{ of_subagent: true }])
  })

  it("is interrupted, also by a request that takes its place, and answers a single request with 202", async () => {
    const { service } = setting()
    const single = await service.request("POST", "/api/v1/query/single", { body: body([bash("touch a.txt")]) })
    assert.deepEqual([single.status, at(single.body, "status")], [202, "waiting"], single.text)
    const session = textAt(single.body, "session_id")
    const next = await service.stream("POST", `/api/v1/sessions/${session}/resume`, {
      body: body([bash("touch b.txt")], { on_busy: "interrupt" })
    })
    await next.finished()
    const first = await service.request("GET", `/api/v1/runs/${textAt(single.body, "id")}`)
    assert.strictEqual(at(first.body, "status"), "interrupted")
    const stopped = await service.request("POST", `/api/v1/sessions/${session}/interrupt`)
    assert.deepEqual(stopped.body, { status: "interrupted", session_id: session, run_id: next.runId })
    const rest = await goOn(next)
    await rest.finished()
    assert.deepEqual(rest.names, ["result", "done"])
    const { body: list } = await service.request("GET", `/api/v1/approvals?session_id=${session}`)
    assert.deepEqual(
      listAt(list, "approvals").map((one) => at(one, "status")),
      ["cancelled", "cancelled"]
    )
  })
})
