import * as fc from "fast-check"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { agentProcesses } from "../service/AgentProcesses.ts"
import { rowsOf } from "../service/Database.ts"
import { until } from "../service/Polling.ts"
import { scripted } from "../service/Prompts.ts"
import type { Cluster } from "./Cluster.ts"
import { type Followed, followRun } from "./Follower.ts"
import { brokenInvariants } from "./Invariants.ts"

/** What happens in a round: runs are going on, and one instance is killed. */
export interface KillPlan {
  /** Which instance dies. */
  readonly victim: number
  /** When, in milliseconds after the runs were asked for. */
  readonly after: number
  /** Where each run is started, and the pause between pieces of its text in milliseconds. */
  readonly runs: ReadonlyArray<{ readonly place: number; readonly pace: number }>
}

/** What came of a round. */
export interface KillReport {
  readonly plan: KillPlan
  /** How the runs ended. */
  readonly statuses: ReadonlyArray<string>
  /** From the kill to the end of each run that was lost, in milliseconds. */
  readonly recoveries: ReadonlyArray<number>
  /** What should not have been; empty when all is well. */
  readonly broken: ReadonlyArray<string>
}

/** Plans for rounds; the same for the same seed. */
export const killPlans = (rounds: number, seed: number, instances: number): ReadonlyArray<KillPlan> => {
  const place = fc.nat({ max: instances - 1 })
  const plan = fc.record({
    victim: place,
    after: fc.nat({ max: 3000 }),
    runs: fc.array(fc.record({ place, pace: fc.nat({ max: 100 }) }), { minLength: 3, maxLength: 3 })
  })
  return fc.sample(plan, { seed, numRuns: rounds })
}

/** Says something, uses a tool that leaves a trace, and says something more. */
const bodyOf = (name: string, pace: number) => ({
  prompt: scripted(
    name,
    {
      text: "Before the tool there is a sentence or two.",
      chunk: 8,
      every: pace,
      tool: "Bash",
      input: { command: `echo ${name} >> tally` }
    },
    { text: "After the tool there is another one.", chunk: 8, every: pace }
  ),
  tools: ["Bash"],
  allowed_tools: ["Bash"],
  system_prompt: "Answer.",
  include_partial_messages: true
})

const traces = async (database: string, session: string): Promise<ReadonlyArray<string>> => {
  const [row] = await rowsOf(database, "SELECT cwd FROM sessions WHERE id = $1", [session])
  const text = await readFile(join(String(row?.["cwd"]), "tally"), "utf8").catch(() => "")
  return text.split("\n").filter((line) => line !== "")
}

/** Kills an instance while runs go on, replaces it, and looks at everything that must hold afterwards. */
export const killRound = async (cluster: Cluster, plan: KillPlan, name: string): Promise<KillReport> => {
  const { database, instances } = cluster
  const victim = instances[plan.victim]
  if (victim === undefined) throw new Error(`There is no instance ${plan.victim}`)
  const names = plan.runs.map((_, index) => `${name}-${index}`)
  const following = Promise.all(
    plan.runs.map(({ pace, place }, index) =>
      followRun({
        idempotencyKey: names[index] ?? name,
        body: bodyOf(names[index] ?? name, pace),
        place: (attempt) => (attempt === 0 ? instances[place] : undefined) ?? cluster.front
      })
    )
  )
  await sleep(plan.after)
  const killedAt = performance.now()
  await victim.kill9()
  const gone = until(`no agent of ${victim.dataDir} is left`, () => agentProcesses(victim.dataDir).length === 0)
  const [followed] = await Promise.all([following, gone, cluster.replace(plan.victim)])

  const broken = [...(await brokenInvariants(database))]
  const rows = await rowsOf(database, "SELECT id, status FROM runs WHERE id = ANY($1)", [
    followed.map(({ run }) => run)
  ])
  const statusOf = new Map(rows.map(({ id, status }) => [String(id), String(status)]))
  const check = async ({ events, run, session }: Followed, index: number) => {
    const keyed = await rowsOf(database, "SELECT run_id FROM idempotency_keys WHERE key = $1", [names[index]])
    if (keyed.length !== 1 || keyed[0]?.["run_id"] !== run) broken.push(`${names[index]}: not one run of its key`)
    const traced = await traces(database, session)
    if (traced.length > 1) broken.push(`${names[index]}: the tool ran ${traced.length} times`)
    if (statusOf.get(run) === "completed" && traced.length !== 1) broken.push(`${names[index]}: done without its tool`)
    const stored = await rowsOf(
      database,
      "SELECT seq::int, event, data FROM run_events WHERE run_id = $1 ORDER BY seq",
      [run]
    )
    const text = stored.map(({ data, event, seq }) => `id: ${seq}\nevent: ${event}\ndata: ${data}\n\n`).join("")
    if (text !== events.map((frame) => frame.text).join(""))
      broken.push(`${names[index]}: was seen otherwise than kept`)
  }
  await Promise.all(followed.map(check))
  return {
    plan,
    statuses: followed.map(({ run }) => statusOf.get(run) ?? "unknown"),
    recoveries: followed
      .filter(({ run }) => statusOf.get(run) === "lost")
      .map(({ overAt }) => Math.round(overAt - killedAt)),
    broken
  }
}
