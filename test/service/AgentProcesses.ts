import { readdirSync, readFileSync } from "node:fs"
import { isAlive } from "../launchers/Processes.ts"
import { until } from "./Polling.ts"

const environmentOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1")
  } catch {
    return ""
  }
}

/**
 * The agents of a service, with their tools and wrappers: all of them have a home inside its
 * data directory. It finds orphans too, whoever has adopted them.
 */
export const agentProcesses = (dataDir: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(`HOME=${dataDir}/`) && isAlive(pid))

/** Waits until no process of the service's agents is left. */
export const untilNoAgents = (dataDir: string, timeoutMillis = 10_000): Promise<void> =>
  until(`no agent of ${dataDir} is left`, () => agentProcesses(dataDir).length === 0, timeoutMillis)
