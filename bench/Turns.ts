import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import type { Step } from "../scripts/scripted-model/Script.ts"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { startBareSdk } from "./BareSdk.ts"
import { startCauseway } from "./Causeway.ts"
import { causewayTurn } from "./CausewayTurn.ts"
import { cpuSeconds } from "./CpuTime.ts"
import { progress } from "./Report.ts"
import type { Turn } from "./Turn.ts"

/** A turn, with the CPU seconds that the process around the agent used for it. */
export interface MeasuredTurn extends Turn {
  readonly cpu: number
}

/** The same turns, of the SDK by itself and through the service. */
export interface ComparedTurns {
  readonly bare: ReadonlyArray<MeasuredTurn>
  readonly ours: ReadonlyArray<MeasuredTurn>
}

const measured = async (pid: number, turn: () => Promise<Turn>): Promise<MeasuredTurn> => {
  const before = cpuSeconds(pid)
  const seen = await turn()
  return { ...seen, cpu: cpuSeconds(pid) - before }
}

/** Runs one scripted turn many times, in turn with and without the service, each with a new process of the agent. */
export const compareTurns = async (step: Step, rounds: number): Promise<ComparedTurns> => {
  const prompt = `Go on. <script>${JSON.stringify([step])}</script>`
  const postgres = await startPostgres()
  const model = await startScriptedModel({ keep: 1 })
  const causeway = await startCauseway(await postgres.createDatabase(), model.url)
  const sdk = await startBareSdk(model.url)
  const bare: Array<MeasuredTurn> = []
  const ours: Array<MeasuredTurn> = []
  const steps = [
    async () => void bare.push(await measured(sdk.pid, () => sdk.turn(prompt))),
    async () => void ours.push(await measured(causeway.pid, () => causewayTurn(causeway, prompt)))
  ]
  try {
    // The first rounds warm both up.
    for (let round = -2; round < rounds; round++) {
      progress(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`)
      if (round === 0) bare.length = ours.length = 0
      for (const step of round % 2 === 0 ? steps : steps.toReversed()) await step()
    }
    return { bare, ours }
  } finally {
    await sdk.stop()
    await causeway.stop()
    await model.stop()
    await postgres.stop()
  }
}
