import { Client } from "pg"
import { inject } from "vitest"
import { createDatabase } from "../launchers/Postgres.ts"

/** An empty database on the test run's PostgreSQL. */
export const freshDatabase = async (): Promise<string> => {
  const answer = await fetch(inject("postgresDesk"))
  if (!answer.ok) throw new Error(await answer.text())
  return createDatabase(await answer.text())
}

/** Rows of a database, read behind the service's back. */
export const rowsOf = async (
  url: string,
  text: string,
  values: ReadonlyArray<unknown> = []
): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 30_000 })
  client.on("error", () => undefined)
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

/** How many rows each of the tables has. */
export const countRows = async (url: string): Promise<Readonly<Record<string, number>>> => {
  const tables = ["sessions", "runs", "run_events", "transcript_entries", "idempotency_keys"]
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`)
  const [row = {}] = await rowsOf(url, `SELECT ${counts.join(", ")}`)
  return Object.fromEntries(Object.entries(row).map(([name, count]) => [name, Number(count)]))
}
