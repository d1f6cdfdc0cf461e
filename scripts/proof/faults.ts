// The fault matrix: every part that fails, in every way, under every operation.
import { readdirSync, readFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { leftOut, operations, postgresFaults, redisFaults } from "../../test/faults/Matrix.ts"
import {
  type AgentResult,
  agentResultsFile,
  type FaultResult,
  memoryResultsFile,
  type MemoryResult,
  resultsDirectory
} from "../../test/faults/Results.ts"
import { table } from "./Page.ts"
import type { Findings } from "./Part.ts"
import { runTests, type TestRun } from "./TestRun.ts"

const read = (name: string): unknown => JSON.parse(readFileSync(join(resultsDirectory, name), "utf8"))

const matrixOf = (part: string, faults: ReadonlyArray<string>, results: ReadonlyArray<FaultResult>): string => {
  const cellOf = (fault: string, operation: string): string => {
    const found = results.find((result) => result.part === part && result.fault === fault)
    const cell = found?.cells.find((one) => one.operation === operation)
    if (cell === undefined) return "–"
    const time = cell.millis === null ? "" : `, ${cell.millis} ms`
    return `${cell.green ? "" : "**not so:** "}${cell.expected}${time}`
  }
  return table(
    [part, ...faults],
    operations.map((operation) => [operation, ...faults.map((fault) => cellOf(fault, operation))])
  )
}

const agentsOf = (results: ReadonlyArray<AgentResult>): string =>
  table(
    ["the agent", "single answer", "stream"],
    results.map(({ error_id, green, name, seen, status }) => [
      name,
      `${green ? "" : "**not so:** "}${status} \`${error_id}\``,
      seen === "event" ? "event" : "status"
    ])
  )

const becomesOf: Readonly<Record<MemoryResult["step"], string>> = {
  "before a run": "the run goes on; its prompt says what is missing, or the log",
  "after a run": "an event that is not fatal; nothing wrong is stored, and it is learned later",
  "in a search": "a line in the log; it is searched by words alone"
}

const memoryOf = (results: ReadonlyArray<MemoryResult>): string =>
  table(
    ["memory", "when", "failure", "what becomes of it"],
    results.map(({ error_id, green, name, step }) => [
      name,
      step,
      `${green ? "" : "**not so:** "}\`${error_id}\``,
      becomesOf[step]
    ])
  )

const tablesOf = (
  faults: ReadonlyArray<FaultResult>,
  agents: ReadonlyArray<AgentResult>,
  memory: ReadonlyArray<MemoryResult>
): string => `Real processes are killed, frozen and cut off under a running service. Every cell stands for a test of all of this: status and body, \`Retry-After\`, one line in the log with the \`error_id\` and what is known of the request, the count in \`api_errors_total\`, what is in PostgreSQL afterwards, nothing internal in the answer, the time to it, and the same operation on the same service, without a restart, once the part is back.

"success" and "completed": as without the fault. "unsaved": the stream ends with \`error\` (\`ERR_SESSION_PERSIST_FAILED\`, with this id in its details), \`result\` and \`done\` without ids, the single answer is 500 with \`unsaved_result\`, and the run is \`lost\` once its lease is over. Times are to the answer, of runs under way from the fault to their end, with \`APPEND_TIMEOUT\` at 3 s.

### PostgreSQL

${matrixOf("PostgreSQL", postgresFaults, faults)}

### Redis, with several instances

${matrixOf("Redis", redisFaults, faults)}

${leftOut.map(({ fault, reason }) => `Left out, "${fault}": ${reason}`).join("\n")}

### Agents

Each is seen in a stream and in a single answer; where the agent had begun, the session's next turn completes.

${agentsOf(agents)}

### Memory

A failure of memory never costs a run: each of these runs completes, and so does its session.

${memoryOf(memory)}`

/** What a run of the matrix has left behind. */
export const faultsFindings = ({ failures, passed, total }: TestRun): Findings => {
  const files = readdirSync(resultsDirectory).filter(
    (name) => name.endsWith(".json") && name !== agentResultsFile && name !== memoryResultsFile
  )
  const faults = files.map((name) => read(name) as FaultResult)
  return {
    commands: ["npx vitest run test/faults"],
    failures,
    text: `${passed} of ${total} tests passed. ${tablesOf(
      faults,
      read(agentResultsFile) as ReadonlyArray<AgentResult>,
      read(memoryResultsFile) as ReadonlyArray<MemoryResult>
    )}`
  }
}

/** Runs the whole matrix. */
export const proveFaults = async (): Promise<Findings> => {
  await rm(resultsDirectory, { recursive: true, force: true })
  return faultsFindings(await runTests(["test/faults"]))
}
