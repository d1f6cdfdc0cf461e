import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"

const read = (pid: string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1")
  } catch {
    return ""
  }
}

/** Every process of this machine that has something to do with a directory, by its environment or command line. */
export const processesOf = (directory: string): ReadonlyArray<{ pid: number; command: string; state: string }> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(pid, "environ").includes(directory) || read(pid, "cmdline").includes(directory))
    .map((pid) => {
      const stat = read(pid, "stat")
      return {
        pid: Number(pid),
        command: read(pid, "cmdline").replaceAll("\0", " ").trim(),
        state: stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3)
      }
    })

/** Waits until something is so; a test's own time limit ends it. */
export const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(10)
  })
