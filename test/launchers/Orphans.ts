// Run as a process of its own by Launchers.test.ts, which kills it: nothing it started may stay.
import { spawnBound } from "./BoundProcess.ts"
import { startPostgres } from "./Postgres.ts"
import { startRedis } from "./Redis.ts"

const exits = process.argv.includes("exit")
const servers = await Promise.all([
  startPostgres({ fsync: false }),
  startRedis(),
  ...(exits ? [] : [startPostgres({ fsync: false })])
])
if (!exits) await servers.at(-1)?.freeze()
const child = spawnBound(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" })
const pids = servers.flatMap((server) => server.processes).concat(child.pid ?? [])
const directories = servers.map((server) => server.dir)
process.stdout.write(JSON.stringify({ pids, directories }))

if (exits) process.exit()
setInterval(() => undefined, 1000)
