import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { held } from "../test/service/Prompts.ts"
import { listening, startCauseway } from "./Causeway.ts"
import { cpuSeconds } from "./CpuTime.ts"
import { startProgram } from "./Program.ts"
import { count, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { startRun, untilRunning } from "./Runs.ts"
import { openReaders } from "./StreamReaders.ts"

const streams = 5000
/** What is opened and closed first, so that what is needed once is not counted. */
const warmUp = 500
/** Long enough for two comments on each stream. */
const watchedMillis = 31_000

const residentBytes = (pid: number): number =>
  Number(/^Rss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? Number.NaN) * 1024

interface IdleCost {
  readonly bytes: number
  readonly cpuShare: number
}

const measure = async (
  server: { readonly url: URL; readonly pid: number },
  apiKey: string,
  path: string
): Promise<IdleCost> => {
  const first = await openReaders(server.url, { apiKey, path, count: warmUp })
  first.close()
  await sleep(3000)
  const before = residentBytes(server.pid)
  const readers = await openReaders(server.url, { apiKey, path, count: streams })
  await sleep(3000)
  const used = cpuSeconds(server.pid)
  await sleep(watchedMillis)
  const cost = {
    bytes: (residentBytes(server.pid) - before) / streams,
    cpuShare: ((cpuSeconds(server.pid) - used) * 1000) / watchedMillis
  }
  readers.close()
  return cost
}

/** What a stream costs on which nothing happens. */
export const idleStreams = async (): Promise<void> => {
  const postgres = await startPostgres()
  const model = await startScriptedModel()
  const causeway = await startCauseway(await postgres.createDatabase(), model.url)
  const baseline = startProgram("bench/baselines/IdleServer.ts", {})
  try {
    const [, address = ""] = await baseline.line(listening)
    const run = await startRun(causeway, held("Wait.", "never"))
    await untilRunning(causeway, run)
    progress(`${streams} streams of Causeway`)
    const ours = await measure(causeway, causeway.apiKey, `/api/v1/runs/${run.id}/events`)
    progress(`${streams} streams of Node`)
    const bare = await measure({ url: new URL(address), pid: baseline.pid }, "", "/")
    reportTitle(`${count(streams)} streams of one run on which nothing happens`)
    reportTable(
      ["", "resident memory/stream", "CPU of one core for all"],
      [
        ["Node's HTTP server alone", `${(bare.bytes / 1000).toFixed(1)} kB`, `${(bare.cpuShare * 100).toFixed(1)} %`],
        ["Causeway", `${(ours.bytes / 1000).toFixed(1)} kB`, `${(ours.cpuShare * 100).toFixed(1)} %`]
      ]
    )
    reportNote(`Causeway over Node alone: ${(ours.bytes / bare.bytes).toFixed(1)} times. Target: at most 25 kB.`)
  } finally {
    await causeway.stop()
    await baseline.stop()
    await model.stop()
    await postgres.stop()
  }
}
