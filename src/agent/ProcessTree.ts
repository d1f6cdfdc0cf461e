import { readdirSync, readFileSync } from "node:fs"

interface Stat {
  readonly state: string
  readonly parent: number
}

const statOf = (pid: number): Stat | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

const hasEnvironment = (pid: number, entry: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(entry)
  } catch {
    return false
  }
}

const allProcesses = (): ReadonlyArray<number> => {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0)
  } catch {
    return []
  }
}

/** A process and everything below it, parents first; with `mark` also every process whose environment has that entry. */
export const processTree = (root: number, mark?: string): ReadonlyArray<number> => {
  const all = allProcesses()
  const children = new Map<number | undefined, Array<number>>()
  for (const pid of all) {
    const parent = statOf(pid)?.parent
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found = new Set([root])
  if (mark !== undefined) for (const pid of all) if (pid !== process.pid && hasEnvironment(pid, mark)) found.add(pid)
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child)
  return [...found]
}

/** The processes that a process has started itself. */
export const childrenOf = (parent: number): ReadonlyArray<number> =>
  allProcesses().filter((pid) => statOf(pid)?.parent === parent)

/** Whether a process is there and has not ended. */
export const isAlive = (pid: number): boolean => {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X"
}

/** Whether a process does nothing: it is stopped, or it has ended. */
export const isStill = (pid: number): boolean => {
  const stat = statOf(pid)
  return stat === undefined || "TtZX".includes(stat.state)
}

/** Signals one process; one that is gone already is as good as signalled. */
export const signalOne = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone.
  }
}

const mostRounds = 10

/** Signals a whole tree, again and again until it has no process that was not there the last time, and says which. */
export const signalTree = (root: number, signal: NodeJS.Signals, mark?: string): ReadonlyArray<number> => {
  const signalled = new Set<number>()
  for (let round = 0; round < mostRounds; round++) {
    const fresh = processTree(root, mark).filter((pid) => !signalled.has(pid))
    if (fresh.length === 0) break
    for (const pid of fresh) {
      signalOne(pid, signal)
      signalled.add(pid)
    }
  }
  return [...signalled]
}
