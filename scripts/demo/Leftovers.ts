import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    // It has just ended, or is another user's.
    return ""
  }
}

const processesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter(
    (pid) =>
      /^\d+$/.test(pid) &&
      (attempt(() => readFileSync(`/proc/${pid}/environ`, "utf8")).includes(directory) ||
        attempt(() => readlinkSync(`/proc/${pid}/cwd`)).startsWith(directory))
  )

/** Processes that still work in a directory or were started for it, after a moment to end in. */
export const leftIn = async (directory: string): Promise<ReadonlyArray<string>> => {
  if (process.platform !== "linux") return []
  for (let patience = 20; patience > 0 && processesIn(directory).length > 0; patience--) await sleep(100)
  return processesIn(directory)
}
