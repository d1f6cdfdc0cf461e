import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, it } from "vitest"
import { untilNoAgents } from "./AgentProcesses.ts"
import { rowsOf } from "./Database.ts"
import { type Instances, startInstances } from "./Instances.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { scripted } from "./Prompts.ts"
import type { Service } from "./Service.ts"
import { useModel } from "./UseService.ts"
import { toolResultBlocks } from "./ToolResults.ts"

const model = useModel()

let instances: Instances

beforeAll(async () => {
  instances = await startInstances(model().url, { APPROVAL_HOLD: "1 hour" })
})
afterAll(() => instances.stop())

const runOf = async (id: string) => {
  const [row] = await rowsOf(
    instances.database,
    `SELECT runs.status, owner, cwd, delivered_at IS NOT NULL AS delivered
     FROM runs JOIN sessions ON sessions.id = session_id JOIN approvals ON approvals.run_id = runs.id
     WHERE runs.id = $1`,
    [id]
  )
  return row ?? {}
}

const body = {
  prompt: scripted(
    "Work.",
    { tool: "Write", input: { file_path: "out.txt", content: "finished\n" } },
    { tool: "Bash", input: { command: "echo asked >> out.txt" } },
    { text: "Done." }
  ),
  tools: ["Bash", "Write"],
  allowed_tools: ["Write"],
  system_prompt: "Answer.",
  approvals: { mode: "ask" }
}

const dig = { tool: "Bash", input: { command: "echo dug >> out.txt" } }
const task = { description: "Dig", subagent_type: "digger", prompt: scripted("Dig.", dig, dig, { text: "Dug." }) }

it("an approval given two instances and one restart later runs exactly the approved tool call once", async () => {
  const { one, start, two } = instances
  const live = await one.stream("POST", "/api/v1/query", { body })
  const asked = await live.waitFor("permission_request")
  assert.strictEqual(at(asked.data, "input.command"), "echo asked >> out.txt")
  const { runId } = live
  const below = await one.stream("POST", "/api/v1/query", {
    body: {
      ...body,
      prompt: scripted("Lead.", { tool: "Agent", input: task }, { text: "Led." }),
      agents: { digger: { description: "Digs.", prompt: "Dig.", tools: ["Bash"] } }
    }
  })
  const askedBelow = await below.waitFor("permission_request")

  // Its instance dies while it holds the agents: what was asked is stored, so no run is lost.
  await one.kill9()
  for (const id of [runId, below.runId]) {
    await until("the run waits", async () => (await runOf(id))["status"] === "waiting")
  }
  await untilNoAgents(one.dataDir)
  const segment = await two.stream("GET", `/api/v1/runs/${runId}/events`)
  await segment.finished()
  assert.deepEqual(segment.names.slice(-3), ["permission_request", "status", "done"])
  assert.strictEqual(at(segment.first("done").data, "reason"), "waiting")

  // The one that noticed is replaced by two others. One of them takes the answer, and dies before its agent begins.
  const started = [await start({ INSTANCE_ID: "three" }), await start({ INSTANCE_ID: "four" })] as const
  assert.strictEqual(await two.stop(), 0)
  const [three, four] = started
  const answered = await three.request("POST", `/api/v1/approvals/${textAt(asked.data, "approval_id")}`, {
    body: { decision: "allow", input: { command: "echo edited >> out.txt" } }
  })
  assert.strictEqual(answered.status, 200, answered.text)
  const owner = await eventually("an owner", async () => {
    const { delivered, owner } = await runOf(runId)
    assert.isNotTrue(delivered, "It was too fast for this test")
    return typeof owner === "string" ? owner : undefined
  })
  const [dying, living]: readonly [Service, Service] = owner === "three" ? [three, four] : [four, three]
  await dying.kill9()

  const last = segment.events.at(-1)
  const rest = await eventually("the end of the run", async () => {
    const follow = await living.stream("GET", `/api/v1/sessions/${live.sessionId}/events`, {
      headers: { "last-event-id": last?.id ?? "" }
    })
    await follow.finished()
    return follow.names.includes("result") ? follow : undefined
  })
  const events = [...segment.events, ...rest.events]
  assert.deepEqual(
    events.map(({ id }) => Number(id)),
    events.map((_, index) => index + 1)
  )
  assert.strictEqual(at(events.at(-1)?.data, "reason"), "completed", rest.raw)
  const { cwd, status } = await runOf(runId)
  assert.strictEqual(status, "completed")
  assert.strictEqual(readFileSync(join(String(cwd), "out.txt"), "utf8"), "finished\nedited\n")
  assert.lengthOf(toolResultBlocks(events), 2)

  // What a subagent asked waits no less.
  const allowed = await living.request("POST", `/api/v1/approvals/${textAt(askedBelow.data, "approval_id")}`, {
    body: { decision: "allow" }
  })
  assert.strictEqual(allowed.status, 200, allowed.text)
  await until("the run ends", async () => (await runOf(below.runId))["status"] === "completed")
  const ended = await runOf(below.runId)
  assert.isTrue(ended["delivered"])
  assert.strictEqual(readFileSync(join(String(ended["cwd"]), "out.txt"), "utf8"), "dug\n")
})
