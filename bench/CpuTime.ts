import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const ticksPerSecond =
  process.platform === "linux" ? Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) : Number.NaN

/** User, system, and the same of children that have ended. A process that is gone counts in its parent. */
const ticksOf = (pid: number): ReadonlyArray<number> => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 15)
      .map(Number)
  } catch {
    return []
  }
}

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, number) => total + number, 0)

/** Seconds of CPU time that a process has used so far, in all its threads, without its children; NaN where unknown. */
export const cpuSeconds = (pid: number): number => sum(ticksOf(pid).slice(0, 2)) / ticksPerSecond

/** The same of a process with all its children, both those that run and those that have ended. */
export const cpuSecondsOfTree = (pids: ReadonlyArray<number>): number => sum(pids.flatMap(ticksOf)) / ticksPerSecond
