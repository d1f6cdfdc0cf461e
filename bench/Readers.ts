import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { scripted } from "../test/service/Prompts.ts"
import { startCauseway } from "./Causeway.ts"
import { cpuSeconds } from "./CpuTime.ts"
import { count, millis, percent, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { startRun } from "./Runs.ts"
import { median } from "./Statistics.ts"
import { openReaders } from "./StreamReaders.ts"

const rounds = 3
const many = 1000
/** Words of the run's text, and the pause between them: about a model's own pace. */
const words = 400
const pace = 15

interface Measured {
  readonly duration: number
  readonly cpu: number
  readonly megabytes: number
}

/** What readers cost the run that they read. */
export const readersOfOneRun = async (): Promise<void> => {
  const postgres = await startPostgres()
  const model = await startScriptedModel()
  const causeway = await startCauseway(await postgres.createDatabase(), model.url)
  let runs = 0

  const measure = async (readers: number): Promise<Measured> => {
    const gate = `start-${++runs}`
    const text = { text: "word ".repeat(words), chunk: 5, every: pace, hold: gate, after: 1 }
    const run = await startRun(causeway, scripted("Tell it.", text))
    const opened = await openReaders(causeway.url, {
      apiKey: causeway.apiKey,
      path: `/api/v1/runs/${run.id}/events`,
      count: readers
    })
    const used = cpuSeconds(causeway.pid)
    const started = performance.now()
    model.open(gate)
    await opened.ended
    return {
      duration: performance.now() - started,
      cpu: cpuSeconds(causeway.pid) - used,
      megabytes: opened.received() / 1e6
    }
  }

  try {
    await measure(1)
    const one: Array<Measured> = []
    const all: Array<Measured> = []
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`)
      one.push(await measure(1))
      all.push(await measure(many))
    }
    const row = (name: string, results: ReadonlyArray<Measured>) => [
      name,
      millis(median(results.map(({ duration }) => duration))),
      `${median(results.map(({ cpu }) => cpu)).toFixed(2)} s`,
      median(results.map(({ megabytes }) => megabytes)).toFixed(1)
    ]
    reportTitle(`A run of ${count(words)} words, ${pace} ms between them, medians of ${rounds} rounds`)
    reportTable(
      ["", "until all have read its end", "server CPU", "MB sent"],
      [row("1 reader", one), row(`${count(many)} readers`, all)]
    )
    const longer = median(all.map(({ duration }) => duration)) / median(one.map(({ duration }) => duration)) - 1
    reportNote(`${count(many)} readers add ${percent(longer)} to the duration. Target: at most 10 %.`)
  } finally {
    await causeway.stop()
    await model.stop()
    await postgres.stop()
  }
}
