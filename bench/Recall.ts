import { Client } from "pg"
import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { startCauseway } from "./Causeway.ts"
import { causewayTurn } from "./CausewayTurn.ts"
import { millis, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { quantile } from "./Statistics.ts"

const rounds = 15
/** The service's own limit, in milliseconds. */
const limit = 300

/** How much later a run begins whose memories cannot be had. */
export const recallWait = async (): Promise<void> => {
  const postgres = await startPostgres()
  const model = await startScriptedModel({ keep: 1 })
  const database = await postgres.createDatabase()
  const causeway = await startCauseway(database, model.url)
  const other = new Client({ connectionString: database })
  await other.connect()
  const firstEvent = async () => (await causewayTurn(causeway, "Go on.")).firstEvent
  const locked = async () => {
    await other.query("BEGIN; LOCK TABLE memories, memory_terms IN ACCESS EXCLUSIVE MODE")
    try {
      return await firstEvent()
    } finally {
      await other.query("ROLLBACK")
    }
  }
  const there: Array<number> = []
  const away: Array<number> = []
  try {
    await fetch(new URL("/api/v1/memories", causeway.url), {
      method: "POST",
      headers: { "x-api-key": causeway.apiKey, "content-type": "application/json" },
      body: JSON.stringify({ text: "The road goes over wet ground." })
    })
    // The first rounds warm up.
    for (let round = -2; round < rounds; round++) {
      progress(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`)
      if (round === 0) there.length = away.length = 0
      there.push(await firstEvent())
      away.push(await locked())
    }
  } finally {
    await other.end()
    await causeway.stop()
    await model.stop()
    await postgres.stop()
  }
  reportTitle(`From a request to its run's first event, ${rounds} rounds`)
  const row = (name: string, values: ReadonlyArray<number>) => [
    name,
    ...[0.1, 0.5, 0.9].map((share) => millis(quantile(values, share)))
  ]
  reportTable(
    ["", "10 %", "median", "90 %"],
    [row("memories found", there), row("memories locked by another transaction", away)]
  )
  const later = quantile(away, 0.5) - quantile(there, 0.5)
  reportNote(`Later by ${millis(later)} (median). Target: at most ${limit} ms, the limit of a recall, and 100 ms.`)
}
