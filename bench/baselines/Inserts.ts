// pg storing the rows of the log in statements of many rows, one after another: no lease, no numbers, no readers.
import { randomUUID } from "node:crypto"
import { Client } from "pg"
import { quantile } from "../Statistics.ts"

const seconds = Number(process.env["SECONDS"])
const rowsPerStatement = Number(process.env["ROWS"])

const client = new Client({ connectionString: process.env["DATABASE_URL"] ?? "" })
await client.connect()
const ids = [randomUUID(), randomUUID(), randomUUID()]
const data =
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a few words of text "},"parent_tool_use_id":null}'
const events = Array.from({ length: rowsPerStatement }, () => "partial")
const texts = Array.from({ length: rowsPerStatement }, () => data)
let last = 0

const insert = async () => {
  const numbers = Array.from({ length: rowsPerStatement }, () => ++last)
  await client.query(
    `INSERT INTO run_events (session_id, run_id, tenant_id, seq, event, data)
     SELECT $1::uuid, $2::uuid, $3::uuid, * FROM unnest($4::bigint[], $5::text[], $6::text[])`,
    [...ids, numbers, events, texts]
  )
}

for (let warm = 0; warm < 20; warm++) await insert()
const started = performance.now()
const cpuBefore = process.cpuUsage()
const times: Array<number> = []
process.stdout.write("measuring\n")
while (performance.now() - started < seconds * 1000) {
  const sent = performance.now()
  await insert()
  times.push(performance.now() - sent)
}
const cpu = process.cpuUsage(cpuBefore)
const stored = times.length * rowsPerStatement
const storedPerSecond = (stored * 1000) / (performance.now() - started)
const result = {
  stored,
  storedPerSecond,
  deliveredPerSecond: 0,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  delayP50: quantile(times, 0.5),
  delayP99: quantile(times, 0.99)
}
process.stdout.write(`result ${JSON.stringify(result)}\n`)
await client.end()
