// Usage: npm run bench [-- name …]; without a name, all of them.
import { reportLoad, reportMachine } from "./Report.ts"

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
  "first-token": async () => (await import("./FirstToken.ts")).firstToken(),
  sessions: async () => (await import("./SessionReads.ts")).sessionReads(),
  deltas: async () => (await import("./Deltas.ts")).deltasThrough(),
  memory: async () => (await import("./Memory.ts")).memory(),
  "idle-streams": async () => (await import("./IdleStreams.ts")).idleStreams(),
  readers: async () => (await import("./Readers.ts")).readersOfOneRun(),
  lists: async () => (await import("./SessionLists.ts")).sessionLists(),
  recovery: async () => (await import("./Recovery.ts")).recovery(),
  instances: async () => (await import("./Instances.ts")).severalInstances(),
  "memory-large": async () => (await import("./MemoryLarge.ts")).memoryLarge(),
  recall: async () => (await import("./Recall.ts")).recallWait(),
  log: async () => (await import("./EventLog.ts")).eventLog()
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in benchmarks))
if (unknown.length > 0) {
  process.stderr.write(`No such benchmark: ${unknown.join(", ")}. There are: ${Object.keys(benchmarks).join(", ")}\n`)
  process.exit(2)
}

reportMachine()
for (const [name, run] of Object.entries(benchmarks)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  await run()
  reportLoad()
}
