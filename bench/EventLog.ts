import { Schema } from "effect"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { cpuSecondsOfTree } from "./CpuTime.ts"
import { type LogLoad, LogLoadResult } from "./LogLoad.ts"
import { startProgram } from "./Program.ts"
import { count, micros, millis, percent, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { median } from "./Statistics.ts"

const rounds = 3
const extent = { warmUpSeconds: 3, seconds: 4 }

interface Measured {
  readonly storedPerSecond: number
  readonly deliveredPerSecond: number
  /** Microseconds of the program's CPU time per stored event. */
  readonly cpu: number
  readonly databaseCpu: number
  readonly delayP50: number
  readonly delayP99: number
}

const medians = (rounds: ReadonlyArray<Measured>): Measured => ({
  storedPerSecond: median(rounds.map(({ storedPerSecond }) => storedPerSecond)),
  deliveredPerSecond: median(rounds.map(({ deliveredPerSecond }) => deliveredPerSecond)),
  cpu: median(rounds.map(({ cpu }) => cpu)),
  databaseCpu: median(rounds.map(({ databaseCpu }) => databaseCpu)),
  delayP50: median(rounds.map(({ delayP50 }) => delayP50)),
  delayP99: median(rounds.map(({ delayP99 }) => delayP99))
})

const decodeResult = Schema.decodeUnknownSync(Schema.fromJsonString(LogLoadResult))

/** The log by itself: how many events it takes, what they cost, and how late they come at half of that. */
export const eventLog = async (): Promise<void> => {
  const postgres = await startPostgres()
  const database = await postgres.createDatabase()

  const measure = async (path: string, env: Readonly<Record<string, string>>): Promise<Measured> => {
    const program = startProgram(path, env)
    try {
      await program.line(/^measuring$/)
      const before = cpuSecondsOfTree(postgres.processes)
      const [, line] = await program.line(/^result (.*)$/)
      const result = decodeResult(line)
      const perEvent = (seconds: number) => (seconds / result.stored) * 1e6
      return {
        storedPerSecond: result.storedPerSecond,
        deliveredPerSecond: result.deliveredPerSecond,
        cpu: perEvent(result.cpuSeconds),
        databaseCpu: perEvent(cpuSecondsOfTree(postgres.processes) - before),
        delayP50: result.delayP50 ?? Number.NaN,
        delayP99: result.delayP99 ?? Number.NaN
      }
    } finally {
      await program.stop()
    }
  }

  const causeway = (load: Pick<LogLoad, "runs" | "readers" | "perSecond">) =>
    measure("bench/programs/LogLoad.ts", { LOG_LOAD: JSON.stringify({ databaseUrl: database, ...extent, ...load }) })
  const inserts = (rows: number) =>
    measure("bench/baselines/Inserts.ts", {
      DATABASE_URL: database,
      SECONDS: String(extent.seconds),
      ROWS: String(rows)
    })

  try {
    // The first program makes the tables.
    await causeway({ runs: 1, readers: 1, perSecond: 100 })
    const scenarios = [
      { name: "pg, inserts of 16,000 rows, no readers", run: () => inserts(16_000), results: new Array<Measured>() },
      ...[
        { runs: 1, readers: 1 },
        { runs: 16, readers: 1 },
        { runs: 16, readers: 8 }
      ].map((load) => ({
        name: `Causeway's log, ${load.runs} runs, ${load.readers} readers of each`,
        run: () => causeway({ ...load, perSecond: null }),
        results: new Array<Measured>()
      }))
    ]
    for (let round = 0; round < rounds; round++) {
      for (const { name, results, run } of round % 2 === 0 ? scenarios : scenarios.toReversed()) {
        progress(`round ${round + 1} of ${rounds}: ${name}`)
        results.push(await run())
      }
    }
    reportTitle(`The log by itself, as many events as it takes: medians of ${rounds} rounds`)
    reportTable(
      ["", "stored/s", "delivered/s", "CPU/event", "events per CPU second", "PostgreSQL CPU/event"],
      scenarios.map(({ name, results }) => {
        const { cpu, databaseCpu, deliveredPerSecond, storedPerSecond } = medians(results)
        return [
          name,
          count(storedPerSecond),
          count(deliveredPerSecond),
          micros(cpu),
          count(1e6 / cpu),
          micros(databaseCpu)
        ]
      })
    )
    const [bare, , manyRuns] = scenarios.map(({ results }) => medians(results))
    if (!bare || !manyRuns) return
    const half = manyRuns.storedPerSecond / 2
    reportNote(
      [
        `16 runs over pg's inserts: ${percent(manyRuns.storedPerSecond / bare.storedPerSecond)} of the events`,
        "Target: 20,000 events per second and core"
      ].join("\n")
    )

    const delays = [
      { name: "pg, inserts of one row, one after another", run: () => inserts(1), results: new Array<Measured>() },
      ...[
        { name: "half of what it takes", perSecond: half },
        { name: "half of the target", perSecond: 10_000 },
        { name: "little", perSecond: 500 }
      ].map(({ name, perSecond }) => ({
        name: `Causeway's log, ${name}: ${count(perSecond)} events/s`,
        run: () => causeway({ runs: 16, readers: 1, perSecond }),
        results: new Array<Measured>()
      }))
    ]
    for (let round = 0; round < rounds; round++) {
      for (const { name, results, run } of round % 2 === 0 ? delays : delays.toReversed()) {
        progress(`round ${round + 1} of ${rounds}: ${name}`)
        results.push(await run())
      }
    }
    reportTitle(`From append to reader, 16 runs, 1 reader of each: medians of ${rounds} rounds`)
    reportTable(
      ["", "events/s", "p50", "p99", "CPU/event", "PostgreSQL CPU/event"],
      delays.map(({ name, results }) => {
        const { cpu, databaseCpu, delayP50, delayP99, storedPerSecond } = medians(results)
        return [name, count(storedPerSecond), millis(delayP50), millis(delayP99), micros(cpu), micros(databaseCpu)]
      })
    )
    reportNote("Target: at half load at most 5 ms. No event is shown before its commit is on the disk.")
  } finally {
    await postgres.stop()
  }
}
