import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Operation, operations, type Row } from "./Matrix.ts"
import type { FaultSeen } from "./RunFault.ts"

/** What became of one cell in a run of the matrix. */
export interface CellResult {
  readonly operation: Operation
  /** What must be seen, in a few words. */
  readonly expected: string
  readonly green: boolean
  /** Milliseconds to the answer. */
  readonly millis: number | null
}

/** What became of one fault. */
export interface FaultResult {
  readonly part: string
  readonly fault: string
  readonly cells: ReadonlyArray<CellResult>
}

/** What became of one way in which agents fail. */
export interface AgentResult {
  readonly name: string
  readonly error_id: string
  readonly status: number
  readonly seen: "event" | "status"
  readonly green: boolean
}

/** What became of one way in which memory fails. */
export interface MemoryResult {
  readonly step: "before a run" | "after a run" | "in a search"
  readonly name: string
  readonly error_id: string
  green: boolean
}

/** The file of memory's results. */
export const memoryResultsFile = "memory.json"

/** The file of agents' results. */
export const agentResultsFile = "agents.json"

/** Where runs of the matrix leave their results, one file per fault. */
export const resultsDirectory = join(import.meta.dirname, "../../.cache/faults")

const wordsOf = (cell: NonNullable<Row[Operation]>): string => {
  switch (cell.seen) {
    case "problem":
      return `${cell.status} \`${cell.error_id}\``
    case "unsaved":
      return `unsaved, \`${cell.database}\``
    default:
      return cell.seen
  }
}

const millisOf = (operation: Operation, seen: FaultSeen | undefined): number | null => {
  if (seen === undefined) return null
  if (operation === "mid-stream") return seen.streamed.millis
  if (operation === "end of run") return seen.single.millis
  for (const [name, { millis }] of seen.answers) if (name === operation) return millis
  return null
}

/** Writes what became of a fault, for the documentation. */
export const saveResults = async (
  part: string,
  fault: string,
  row: Row,
  green: ReadonlySet<Operation>,
  seen: FaultSeen | undefined
): Promise<void> => {
  const cells = operations.flatMap((operation): ReadonlyArray<CellResult> => {
    const cell = row[operation]
    if (cell === undefined) return []
    const millis = millisOf(operation, seen)
    return [
      {
        operation,
        expected: wordsOf(cell),
        green: green.has(operation),
        millis: millis === null ? null : Math.round(millis)
      }
    ]
  })
  await mkdir(resultsDirectory, { recursive: true })
  const result: FaultResult = { part, fault, cells }
  const name = `${part} ${fault}`.toLowerCase().replaceAll(/[^a-z]+/g, "-")
  await writeFile(join(resultsDirectory, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
}

/** Writes what became of the agents' faults. */
export const saveAgentResults = async (results: ReadonlyArray<AgentResult>): Promise<void> => {
  await mkdir(resultsDirectory, { recursive: true })
  await writeFile(join(resultsDirectory, agentResultsFile), `${JSON.stringify(results, undefined, 2)}\n`)
}

/** Writes what became of memory's faults. */
export const saveMemoryResults = async (results: ReadonlyArray<MemoryResult>): Promise<void> => {
  await mkdir(resultsDirectory, { recursive: true })
  await writeFile(join(resultsDirectory, memoryResultsFile), `${JSON.stringify(results, undefined, 2)}\n`)
}
