// Instances that are killed while they work, behind each balancer, and a stream that is cut after every event.
import { readFile } from "node:fs/promises"
import { quantile } from "../../bench/Statistics.ts"
import type { BalancerName } from "../../test/launchers/Balancer.ts"
import { roundsFile, type RoundsResult } from "../../test/cluster/Rounds.ts"
import { table } from "./Page.ts"
import type { Findings } from "./Part.ts"
import { runTests } from "./TestRun.ts"

/** Rounds behind each balancer: a hundred together. */
const rounds: ReadonlyArray<readonly [BalancerName, number]> = [
  ["round-robin", 40],
  ["haproxy", 30],
  ["nginx", 30]
]

const histories = 1000

interface Killed {
  readonly balancer: BalancerName
  readonly result: RoundsResult
  readonly failures: ReadonlyArray<string>
}

const killBehind = async (balancer: BalancerName, count: number): Promise<Killed> => {
  const { failures } = await runTests(["test/cluster/KillRounds.test.ts"], {
    KILL_BALANCER: balancer,
    KILL_ROUNDS: String(count)
  })
  const result: RoundsResult = JSON.parse(await readFile(roundsFile, "utf8"))
  return { balancer, result, failures }
}

const rowOf = ({ balancer, result }: Killed): ReadonlyArray<string> => {
  const { reports, seed } = result
  const statuses = reports.flatMap((report) => report.statuses)
  const recoveries = reports.flatMap((report) => report.recoveries)
  const countOf = (status: string) => String(statuses.filter((one) => one === status).length)
  const seconds = (share: number) => `${(quantile(recoveries, share) / 1000).toFixed(1)} s`
  return [
    balancer,
    String(seed),
    String(reports.length),
    countOf("completed"),
    countOf("lost"),
    String(reports.flatMap(({ broken }) => broken).length),
    seconds(0.5),
    seconds(1)
  ]
}

/** Kills instances a hundred times and looks at every invariant after each. */
export const proveKills = async (): Promise<Findings> => {
  const killed: Array<Killed> = []
  for (const [balancer, count] of rounds) killed.push(await killBehind(balancer, count))
  const cut = await runTests(["test/cluster/Cluster.test.ts"], { CUT_AFTER: "1" })
  const log = await runTests(["test/services/RunLog.test.ts"], { LOG_HISTORIES: String(histories) })
  const columns = [
    "behind",
    "KILL_SEED",
    "rounds",
    "runs completed",
    "runs lost",
    "broken invariants",
    "recovery, median",
    "recovery, longest"
  ]
  return {
    commands: [
      ...killed.map(
        ({ balancer, result }) =>
          `KILL_BALANCER=${balancer} KILL_ROUNDS=${result.reports.length} KILL_SEED=${result.seed} npx vitest run test/cluster/KillRounds.test.ts`
      ),
      "CUT_AFTER=1 npx vitest run test/cluster/Cluster.test.ts",
      `LOG_HISTORIES=${histories} npx vitest run test/services/RunLog.test.ts`
    ],
    failures: [...killed.flatMap(({ failures }) => failures), ...cut.failures, ...log.failures],
    text: `Two instances, three runs in each round, one instance killed (\`kill -9\`) at a random moment and replaced. Clients repeat a request with its Idempotency-Key until they know its run, and take streams up elsewhere. After each round: no run is live, each session's numbers have no gap, each run has one end, what readers saw is byte for byte what is kept, each key has one run, no tool ran twice, costs add up, and no process of an agent of the killed instance is left. Recovery is from the kill to the end of a lost run at its reader.

${table(columns, killed.map(rowOf))}

A stream that is cut after every event and taken up on another instance each time, the same request on two instances at once, Redis frozen, PostgreSQL restarted under load, and an instance cut off from PostgreSQL: ${cut.passed} of ${cut.total} tests passed.

${histories.toLocaleString("en-US")} random histories of the log (two instances, owners that lose their runs and go on writing, readers from anywhere): ${log.passed} of ${log.total} tests passed.`
  }
}
