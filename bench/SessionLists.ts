import { Client } from "pg"
import { startPostgres } from "../test/launchers/Postgres.ts"
import { type Causeway, startCauseway } from "./Causeway.ts"
import { load } from "./HttpLoad.ts"
import { count, millis, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { median } from "./Statistics.ts"

const rounds = 5
const sizes = [1000, 1_000_000] as const
const measurement = { connections: 1, seconds: 2, atLeast: 200 }

const lists = [
  ["first page", "page_size=50"],
  ["first page of a tag", "page_size=50&tags=tag-3"],
  ["first page of a status", "page_size=50&status=completed"]
] as const

const makeSessions = async (databaseUrl: string, sessions: number): Promise<void> => {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(
    `INSERT INTO sessions (id, tenant_id, status, title, model, tags, metadata, cwd, created_at, updated_at)
     SELECT gen_random_uuid(), tenant_id, CASE WHEN number % 20 = 0 THEN 'error' ELSE 'completed' END, 'Session ' || number,
       'claude-opus-5-5', ARRAY['benchmark', 'tag-' || number % 10], '{}', '/workspaces/one',
       now() - number * interval '7 seconds', now()
     FROM api_keys, generate_series(1, $1) AS number`,
    [sessions]
  )
  await client.query("VACUUM ANALYZE sessions")
  await client.end()
}

/** A cursor far into the list. */
const deepCursor = async ({ apiKey, url }: Causeway): Promise<string> => {
  let cursor = ""
  for (let page = 0; page < 9; page++) {
    const answer = await fetch(new URL(`/api/v1/sessions?page_size=100${cursor}`, url), {
      headers: { "x-api-key": apiKey }
    })
    const body: unknown = await answer.json()
    if (typeof body !== "object" || body === null || !("next_cursor" in body)) throw new Error("There is no next page")
    cursor = `&cursor=${encodeURIComponent(String(body.next_cursor))}`
  }
  return cursor
}

/** Pages of sessions, of few and of many. */
export const sessionLists = async (): Promise<void> => {
  const postgres = await startPostgres()
  const services: Array<Causeway> = []
  try {
    for (const size of sizes) {
      progress(`making ${count(size)} sessions`)
      const database = await postgres.createDatabase()
      services.push(await startCauseway(database))
      await makeSessions(database, size)
    }
    const deep = await Promise.all(services.map(deepCursor))
    const named: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ...lists.map(([name, query]) => [name, sizes.map(() => query)] as const),
      ["tenth page of 100", deep.map((cursor) => `page_size=100${cursor}`)]
    ]
    const rows: Array<ReadonlyArray<string>> = []
    for (const [name, queries] of named) {
      const results = services.map((): Array<number> => [])
      for (let round = 0; round <= rounds; round++) {
        progress(`${name}: round ${round} of ${rounds}`)
        for (const [index, { apiKey, url }] of services.entries()) {
          const path = `/api/v1/sessions?${queries[index]}`
          const { p50 } = await load({ url, ...measurement, headers: { "x-api-key": apiKey }, nextPath: () => path })
          // The first round is a warm-up.
          if (round > 0) results[index]?.push(p50)
        }
      }
      const [few = Number.NaN, all = Number.NaN] = results.map(median)
      rows.push([name, millis(few), millis(all), (all / few).toFixed(2)])
    }
    reportTitle(`GET /api/v1/sessions, one connection, medians of ${rounds} rounds in turn`)
    reportTable(["", ...sizes.map((size) => `p50 of ${count(size)} sessions`), "ratio"], rows)
    reportNote("Target: the same time, within 20 %.")
  } finally {
    for (const service of services) await service.stop()
    await postgres.stop()
  }
}
