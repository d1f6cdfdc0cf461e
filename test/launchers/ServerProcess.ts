import type { ChildProcess } from "node:child_process"
import { closeSync, openSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { spawnBound } from "./BoundProcess.ts"
import { Guard } from "./Guard.ts"
import { PortTaken } from "./Ports.ts"
import { descendants, resumeTree, signalAll, suspendTree, waitForExit } from "./Processes.ts"

/** The user a process runs as. */
export interface ProcessUser {
  readonly uid: number
  readonly gid: number
}

/** How a server is run. */
export interface ServerProgram {
  readonly name: string
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly user?: ProcessUser | undefined
  /** Holds everything the server writes; removed at the end. */
  readonly directory: string
  /** Ends the server at once and lets it release what it holds outside its directory. */
  readonly deathSignal: NodeJS.Signals
}

const startTimeoutMillis = 30_000

/** One private server: a process that can be started again, killed and suspended. */
export class ServerProcess {
  readonly #program: ServerProgram
  readonly #guard: Guard
  readonly #logFile: string
  #child: ChildProcess | undefined

  constructor(program: ServerProgram) {
    this.#program = program
    this.#guard = new Guard(program.directory, program.deathSignal)
    this.#logFile = join(program.directory, "server.log")
  }

  /** The process id, while the server runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The pids of the server and its children. */
  get processes(): ReadonlyArray<number> {
    return this.pid === undefined ? [] : [this.pid, ...descendants(this.pid)]
  }

  /** Everything the server wrote to its standard streams. */
  get log(): string {
    return readFileSync(this.#logFile, "utf8")
  }

  /** Spawns the server and waits until `isReady` says so. */
  async start(args: ReadonlyArray<string>, isReady: () => Promise<boolean>): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.#program.name} is already running`)
    const earlier = this.#logSize()
    const child = this.#spawn(args)
    const deadline = performance.now() + startTimeoutMillis
    while (!(await isReady())) {
      if (this.#child !== child) throw this.#startFailure("ended while it started", earlier)
      if (performance.now() > deadline) {
        await this.kill()
        throw this.#startFailure(`was not ready after ${startTimeoutMillis} ms`, earlier)
      }
      await sleep(10)
    }
  }

  /** Sends a signal to the server and waits for its end; kills it when it takes too long. */
  async terminate(signal: NodeJS.Signals): Promise<void> {
    const pid = this.pid
    if (pid === undefined) return
    const processes = this.processes
    resumeTree(pid)
    signalAll([pid], signal)
    await waitForExit(processes).catch(() => this.kill())
    await this.#untilReaped()
  }

  /** Kills the server and all its children with SIGKILL, and waits until they are gone. */
  async kill(): Promise<void> {
    const pid = this.pid
    if (pid === undefined) return
    const processes = await suspendTree(pid)
    signalAll(processes, "SIGKILL")
    await waitForExit(processes)
    await this.#untilReaped()
  }

  /** Suspends the server and all its children: connections stay open, nothing answers. */
  async freeze(): Promise<void> {
    if (this.pid !== undefined) await suspendTree(this.pid)
  }

  /** Ends a freeze. */
  thaw(): void {
    if (this.pid !== undefined) resumeTree(this.pid)
  }

  /** Ends the server at once. */
  end(): Promise<void> {
    return this.terminate(this.#program.deathSignal)
  }

  /** Ends the server and removes its directory. */
  async dispose(): Promise<void> {
    await this.end()
    await this.#guard.release()
  }

  #spawn(args: ReadonlyArray<string>): ChildProcess {
    const { command, deathSignal, directory, env, user } = this.#program
    // A file and not a pipe: a server must not block on its log while this process is busy.
    const log = openSync(this.#logFile, "a")
    const child = spawnBound(command, args, {
      cwd: directory,
      env,
      deathSignal,
      stdio: ["ignore", log, log],
      ...user
    })
    closeSync(log)
    this.#child = child
    this.#guard.watch(child.pid)
    const forget = () => {
      if (this.#child !== child) return
      this.#child = undefined
      this.#guard.watch(undefined)
    }
    child.once("exit", forget)
    child.once("error", forget)
    // A server left running must not keep its launcher alive: the guard ends it.
    child.unref()
    return child
  }

  #logSize(): number {
    return statSync(this.#logFile, { throwIfNoEntry: false })?.size ?? 0
  }

  #startFailure(what: string, logStart: number): Error {
    const log = readFileSync(this.#logFile).subarray(logStart).toString()
    const message = `${this.#program.name} (${this.#program.command}) ${what}:\n${log.slice(-4000)}`
    return /address already in use/i.test(log) ? new PortTaken(message) : new Error(message)
  }

  async #untilReaped(): Promise<void> {
    while (this.#child !== undefined) await sleep(1)
  }
}
