import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

/** One row of the process table. */
export interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  /** The first letter of the state: `R` running, `S` sleeping, `T` stopped, `Z` zombie. */
  readonly state: string
}

const hasProc = existsSync("/proc/self/stat")

const parseProcStat = (stat: string): ProcessEntry => {
  // The command name stands in parentheses and may contain spaces and parentheses itself.
  const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { pid: Number.parseInt(stat, 10), parent: Number(parent), state }
}

const readProcStat = (pid: number | string): ProcessEntry | undefined => {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return undefined
  }
}

const listWithPs = (): Array<ProcessEntry> =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => {
      const [pid = "", parent = "", state = ""] = line.trim().split(/\s+/)
      return { pid: Number(pid), parent: Number(parent), state: state.slice(0, 1) }
    })

const processIds = (): Array<string> => readdirSync("/proc").filter((name) => /^\d+$/.test(name))

/** The process table, zombies included. */
export const listProcesses = (): Array<ProcessEntry> =>
  hasProc ? processIds().flatMap((pid) => readProcStat(pid) ?? []) : listWithPs()

const isRunning = (entry: ProcessEntry): boolean => entry.state !== "Z" && entry.state !== "X"

const findProcess = (pid: number): ProcessEntry | undefined =>
  hasProc ? readProcStat(pid) : listWithPs().find((entry) => entry.pid === pid)

/**
 * Whether the process still runs. A zombie counts as dead: in a container whose
 * first process reaps slowly, an orphan stays one for a while.
 */
export const isAlive = (pid: number): boolean => {
  const entry = findProcess(pid)
  return entry !== undefined && isRunning(entry)
}

/** The live children, grandchildren and so on of a process, without itself. */
export const descendants = (pid: number): Array<number> => {
  const table = listProcesses().filter(isRunning)
  const childrenOf = (parent: number): Array<number> =>
    table.filter((entry) => entry.parent === parent).flatMap((entry) => [entry.pid, ...childrenOf(entry.pid)])
  return childrenOf(pid)
}

/**
 * The live processes started with this `NAME=value` in their environment. It
 * finds what `descendants` cannot: orphans that were adopted by another parent.
 * Linux only.
 */
export const processesWithEnvironment = (assignment: string): Array<number> =>
  processIds()
    .map(Number)
    .filter((pid) => {
      try {
        return isAlive(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(assignment)
      } catch {
        return false
      }
    })

/** Sends a signal to each process that still exists. */
export const signalAll = (pids: Iterable<number>, signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause
    }
  }
}

const waitUntil = async (what: string, timeoutMillis: number, condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + timeoutMillis
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} within ${timeoutMillis} ms`)
    await sleep(5)
  }
}

/** Waits until none of the processes is alive; rejects when one still is after the timeout. */
export const waitForExit = (pids: ReadonlyArray<number>, timeoutMillis = 5000): Promise<void> =>
  waitUntil(`the processes ${pids.join(", ")} did not exit`, timeoutMillis, () => !pids.some(isAlive))

const waitForSuspension = (pids: ReadonlyArray<number>): Promise<void> =>
  waitUntil(`the processes ${pids.join(", ")} did not stop`, 5000, () =>
    pids.every((pid) => {
      const entry = findProcess(pid)
      return entry === undefined || !isRunning(entry) || entry.state === "T"
    })
  )

/**
 * Suspends a process and its descendants with SIGSTOP and returns all of them.
 * The root goes first: once it is suspended it can fork nothing that is missed.
 */
export const suspendTree = async (pid: number): Promise<ReadonlyArray<number>> => {
  signalAll([pid], "SIGSTOP")
  await waitForSuspension([pid])
  const tree = [pid, ...descendants(pid)]
  signalAll(tree, "SIGSTOP")
  await waitForSuspension(tree)
  return tree
}

/** Lets a suspended process and its descendants go on. */
export const resumeTree = (pid: number): void => signalAll([...descendants(pid), pid], "SIGCONT")
