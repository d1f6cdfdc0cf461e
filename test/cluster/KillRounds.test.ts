import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { balancerOf } from "../launchers/Balancer.ts"
import { useModel } from "../service/UseService.ts"
import { type Cluster, startCluster } from "./Cluster.ts"
import { type KillReport, killPlans, killRound } from "./KillRound.ts"
import { saveRounds } from "./Rounds.ts"

const seed = Number(process.env["KILL_SEED"] ?? Date.now() % 2 ** 31)
const rounds = Number(process.env["KILL_ROUNDS"] ?? 5)

/** What stands before the instances: `round-robin`, `haproxy` or `nginx`. */
const balancer = process.env["KILL_BALANCER"] ?? "round-robin"

const model = useModel()

let cluster: Cluster

beforeAll(async () => {
  console.log(`kill rounds: ${rounds}, KILL_BALANCER=${balancer}, KILL_SEED=${seed}`)
  cluster = await startCluster({ instances: 2, model: model().url, balancer: balancerOf(balancer) })
})

afterAll(() => cluster?.stop())

describe("an instance that is killed at a random moment", () => {
  it(
    "leaves nothing half done, runs nothing twice, and its readers go on elsewhere without a gap",
    async () => {
      const reports: Array<KillReport> = []
      for (const [index, plan] of killPlans(rounds, seed, cluster.instances.length).entries()) {
        const report = await killRound(cluster, plan, `round-${index}`)
        reports.push(report)
        await saveRounds({ seed, reports })
        if (report.recoveries.some((recovery) => recovery > 5000))
          console.log(`round ${index}: ${JSON.stringify(report)}`)
        assert.deepEqual(report.broken, [], `round ${index} of KILL_SEED=${seed}: ${JSON.stringify(report)}`)
      }
    },
    rounds * 60_000
  )
})
