import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import { startCluster } from "../test/cluster/Cluster.ts"
import { killPlans, killRound } from "../test/cluster/KillRound.ts"
import { millis, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { quantile } from "./Statistics.ts"

const rounds = 12
/** Every figure is of these rounds. */
const seed = 1
/** Nobody may take a run over before its lease is over (3 s) and has been seen to be so for a second. */
const least = 3000

/** How long readers wait for the end of a run whose instance was killed. */
export const recovery = async (): Promise<void> => {
  const model = await startScriptedModel()
  const cluster = await startCluster({ instances: 2, model: model.url, env: { RATE_LIMIT: "off" } })
  try {
    const recoveries: Array<number> = []
    let broken = 0
    for (const [index, plan] of killPlans(rounds, seed, 2).entries()) {
      progress(`round ${index + 1} of ${rounds}`)
      const report = await killRound(cluster, plan, `recovery-${index}`)
      recoveries.push(...report.recoveries)
      broken += report.broken.length
    }
    reportTitle(`From kill -9 of an instance to the end of its runs at their readers: ${recoveries.length} runs`)
    reportTable(
      ["", "least", "median", "90 %", "most"],
      [
        ["the lease alone", millis(least), millis(least), millis(least), millis(least)],
        ["Causeway", ...[0, 0.5, 0.9, 1].map((share) => millis(quantile(recoveries, share)))]
      ]
    )
    reportNote(`Broken invariants: ${broken}. Target: at most 5 s, nothing stuck, nothing run twice.`)
  } finally {
    await cluster.stop()
    await model.stop()
  }
}
