import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process"
import { findOnPath } from "./Executables.ts"

/** What `spawnBound` takes besides the options of `spawn`. */
export interface BoundSpawnOptions extends SpawnOptions {
  /** The signal the child gets when its parent dies; SIGKILL unless told. */
  readonly deathSignal?: NodeJS.Signals
}

const setpriv = process.platform === "linux" ? findOnPath("setpriv") : undefined

/** Ends the child when this process exits, as far as this process notices its own end. */
const spawnWithExitHandler = (
  command: string,
  args: ReadonlyArray<string>,
  deathSignal: NodeJS.Signals,
  options: SpawnOptions
): ChildProcess => {
  const child = spawn(command, args, options)
  const end = () => child.kill(deathSignal)
  process.once("exit", end)
  child.once("exit", () => process.off("exit", end))
  return child
}

/**
 * Spawns a child that dies with this process, even when this process is killed
 * with SIGKILL. `setpriv` replaces itself by the command, so the pid is the
 * command's. Where there is no `setpriv`, the child outlives a SIGKILL.
 *
 * The kernel watches the spawning thread: a child spawned in a worker thread
 * dies with that thread.
 */
export const spawnBound = (
  command: string,
  args: ReadonlyArray<string>,
  { deathSignal = "SIGKILL", ...options }: BoundSpawnOptions = {}
): ChildProcess =>
  setpriv === undefined
    ? spawnWithExitHandler(command, args, deathSignal, options)
    : spawn(setpriv, ["--pdeathsig", deathSignal, "--", command, ...args], options)
