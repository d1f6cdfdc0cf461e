import { Client } from "pg"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { listening, startCauseway } from "./Causeway.ts"
import { cpuSeconds, cpuSecondsOfTree } from "./CpuTime.ts"
import { load } from "./HttpLoad.ts"
import { startProgram } from "./Program.ts"
import { count, micros, millis, percent, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { median } from "./Statistics.ts"

const rounds = 5
const connections = 32

/** The compiler of V8 wants many requests, not much time. */
const warmUp = { seconds: 2, atLeast: 20_000 }
const measurement = { seconds: 4, atLeast: 5000 }

/** Twice what the cache in memory holds, in turn: each read is the database's. */
const sessions = 20_000

interface Measured {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of the server's CPU time per request. */
  readonly cpu: number
  readonly databaseCpu: number
}

const medians = (rounds: ReadonlyArray<Measured>): Measured => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  p50: median(rounds.map(({ p50 }) => p50)),
  p99: median(rounds.map(({ p99 }) => p99)),
  cpu: median(rounds.map(({ cpu }) => cpu)),
  databaseCpu: median(rounds.map(({ databaseCpu }) => databaseCpu))
})

const makeSessions = async (databaseUrl: string): Promise<ReadonlyArray<string>> => {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query(
    `INSERT INTO sessions (id, tenant_id, status, title, model, tags, metadata, cwd, total_turns, total_cost_usd)
     SELECT gen_random_uuid(), tenant_id, 'completed', 'Session ' || number, 'claude-opus-5-5',
       ARRAY['benchmark', 'tag-' || number % 10], '{"customer":"c-1042","ticket":7}', '/workspaces/one', 3, 0.0421
     FROM api_keys, generate_series(1, $1) AS number
     RETURNING id`,
    [sessions]
  )
  await client.query("VACUUM ANALYZE sessions")
  await client.end()
  return rows.map(({ id }) => String(id))
}

const inTurn = <A>(values: ReadonlyArray<A>) => {
  let next = 0
  return () => values[next++ % values.length]
}

/** Reading a session over HTTP, against fastify and pg. */
export const sessionReads = async (): Promise<void> => {
  const postgres = await startPostgres()
  const database = await postgres.createDatabase()
  const causeway = await startCauseway(database)
  const baseline = startProgram("bench/baselines/SessionServer.ts", { DATABASE_URL: database })
  try {
    const [, address = ""] = await baseline.line(listening)
    const ids = await makeSessions(database)
    const fastify = { url: new URL(address), pid: baseline.pid }
    const scenario = (
      name: string,
      server: { readonly url: URL; readonly pid: number },
      path: string,
      distinct: number
    ) => ({
      name,
      server,
      nextId: inTurn(ids.slice(0, distinct)),
      path,
      results: new Array<Measured>()
    })
    const path = "/api/v1/sessions/"
    const ours = scenario("Causeway, session from PostgreSQL, key known", causeway, path, sessions)
    const knownKey = scenario("fastify + pg, session from PostgreSQL, key known", fastify, "/known-key/", sessions)
    const lookedUp = scenario("fastify + pg, session and key from PostgreSQL", fastify, "/looked-up/", sessions)
    const oursKnown = scenario("Causeway, session and key known", causeway, path, 1)
    const known = scenario("fastify + pg, session and key known", fastify, "/known/", 1)
    const scenarios = [ours, knownKey, lookedUp, oursKnown, known]
    const run = ({ nextId, path, server }: (typeof scenarios)[number], extent: typeof measurement) =>
      load({
        url: server.url,
        connections,
        ...extent,
        headers: { "x-api-key": causeway.apiKey },
        nextPath: () => `${path}${nextId()}`
      })

    for (const each of scenarios) {
      progress(`warming up: ${each.name}`)
      await run(each, warmUp)
    }
    for (let round = 0; round < rounds; round++) {
      for (const each of round % 2 === 0 ? scenarios : scenarios.toReversed()) {
        progress(`round ${round + 1} of ${rounds}: ${each.name}`)
        const before = cpuSeconds(each.server.pid)
        const databaseBefore = cpuSecondsOfTree(postgres.processes)
        const { p50, p99, perSecond, requests } = await run(each, measurement)
        each.results.push({
          perSecond,
          p50,
          p99,
          cpu: ((cpuSeconds(each.server.pid) - before) / requests) * 1e6,
          databaseCpu: ((cpuSecondsOfTree(postgres.processes) - databaseBefore) / requests) * 1e6
        })
      }
    }

    reportTitle(
      `Reading a session: GET /api/v1/sessions/{id} with a key, ${connections} connections, medians of ${rounds} rounds`
    )
    reportTable(
      ["", "requests/s", "p50", "p99", "server CPU/request", "PostgreSQL CPU/request"],
      scenarios.map(({ name, results }) => {
        const { cpu, databaseCpu, p50, p99, perSecond } = medians(results)
        return [name, count(perSecond), millis(p50), millis(p99), micros(cpu), micros(databaseCpu)]
      })
    )
    const ratio = (one: typeof ours, other: typeof ours) => {
      const [a, b] = [medians(one.results), medians(other.results)]
      return `${percent(a.perSecond / b.perSecond)} of the requests, ${(a.cpu / b.cpu).toFixed(1)} times the CPU`
    }
    reportNote(
      [
        `From PostgreSQL, over fastify + pg with a known key: ${ratio(ours, knownKey)}`,
        `From PostgreSQL, over fastify + pg looking both up: ${ratio(ours, lookedUp)}`,
        `Both known, over fastify: ${ratio(oursKnown, known)}`,
        "Target: 75 % of the requests, from PostgreSQL"
      ].join("\n")
    )
  } finally {
    await causeway.stop()
    await baseline.stop()
    await postgres.stop()
  }
}
