import type { SpawnedProcess } from "@anthropic-ai/claude-agent-sdk"
import { spawn, type ChildProcessByStdio } from "node:child_process"
import { setTimeout } from "node:timers/promises"
import { PassThrough, type Readable, type Writable } from "node:stream"
import type { Confinement } from "./Confinement.ts"
import { childrenOf, isAlive, isStill, signalOne, signalTree } from "./ProcessTree.ts"

/** What the SDK may read ahead of us. It queues without a bound, so its input is bounded instead. */
const mostAhead = 1024 * 1024
const mostStderr = 8 * 1024
const mostWaits = 400

interface Command {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

type Listener = ((code: number | null, signal: NodeJS.Signals | null) => void) | ((error: Error) => void)

/**
 * One agent's processes, as the SDK wants to see a process. Every signal that the SDK
 * sends kills the whole tree: its grace of two seconds has passed by then.
 */
export class AgentProcess implements SpawnedProcess {
  readonly stdin: Writable
  readonly stdout = new PassThrough()
  /** When it last said something, by `performance.now()`. */
  lastOutput = performance.now()

  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #mark: string | undefined
  readonly #exited: Promise<void>
  #killed = false
  #ahead = 0
  #hungry = true
  #unbounded = false
  #frozen = false
  #ending = false
  #stderr = ""
  #foreign: boolean | undefined

  /** `mark` is an entry of the environment that no other agent's processes have. */
  constructor({ command, args, cwd, env }: Command, confinement: Confinement, mark: string) {
    this.#mark = confinement.complete ? undefined : mark
    const [program, ...rest] = [...confinement.wrap, command, ...args]
    this.#child = spawn(program ?? command, rest, { cwd, env, stdio: ["pipe", "pipe", "pipe"] })
    this.stdin = this.#child.stdin
    // The process may end while something is being written to it; its exit is what counts.
    this.stdin.on("error", () => {})
    this.#child.stdout.on("data", (chunk: Buffer) => this.#read(chunk))
    this.#child.stdout.once("close", () => this.stdout.end())
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-mostStderr)
    })
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", () => resolve())
      this.#child.once("error", () => resolve())
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get killed(): boolean {
    return this.#over
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#child.signalCode
  }

  /** The end of what it wrote to its standard error. */
  get stderr(): string {
    return this.#stderr
  }

  /** Whether the first thing it said was nothing that the SDK can read; the SDK passes over it in silence. */
  get foreign(): boolean {
    return this.#foreign === true
  }

  /** Whether it is held back, by a freeze or by a reader who is behind, so that its silence means nothing. */
  get heldBack(): boolean {
    return this.#frozen || this.#child.stdout.isPaused()
  }

  /** Says whether whoever reads the SDK's messages has read them all and waits for more. */
  set hungry(hungry: boolean) {
    this.#hungry = hungry
    if (!hungry) return
    this.#ahead = 0
    this.#child.stdout.resume()
  }

  /** From now on everything is read, whether anybody takes it or not. */
  release(): void {
    this.#unbounded = true
    this.#child.stdout.resume()
  }

  /** Resolves once it is gone, with all that was killed with it, or could not be started. */
  async gone(): Promise<void> {
    await this.#exited
    if (this.pid === undefined || !this.#killed) return
    // One of them may have started another before the signal came.
    for (let wait = 0; wait < mostWaits; wait++) {
      if (!signalTree(this.pid, "SIGKILL", this.#mark).some(isAlive)) return
      await setTimeout(5)
    }
  }

  /** Stops every process, and resolves when none of them moves: a signal takes a moment to arrive. */
  async freeze(): Promise<void> {
    const { pid } = this
    if (this.#over || this.#ending || pid === undefined) return
    this.#frozen = true
    for (let wait = 0; wait < mostWaits && this.#frozen; wait++) {
      if (signalTree(pid, "SIGSTOP", this.#mark).every(isStill)) return
      await setTimeout(1)
    }
  }

  thaw(): void {
    if (this.pid === undefined) return
    this.#frozen = false
    this.lastOutput = performance.now()
    signalTree(this.pid, "SIGCONT", this.#mark)
  }

  kill(_signal?: NodeJS.Signals): boolean {
    const { pid } = this
    if (pid === undefined) return false
    if (this.#mark !== undefined) {
      // Also when the CLI is over: its tools may not be.
      this.#killed = true
      signalTree(pid, "SIGKILL", this.#mark)
      return true
    }
    if (this.#over) return false
    this.#ending = true
    this.#frozen = false
    // The first process of a namespace is over only when all others in it are, and the wrapper waits for it.
    const first = childrenOf(pid)
    for (const inside of first.length === 0 ? [pid] : first) signalOne(inside, "SIGKILL")
    // A wrapper that is frozen would wait for ever.
    signalOne(pid, "SIGCONT")
    return true
  }

  on(event: "exit" | "error", listener: Listener): void {
    this.#child.on(event, listener)
  }

  once(event: "exit" | "error", listener: Listener): void {
    this.#child.once(event, listener)
  }

  off(event: "exit" | "error", listener: Listener): void {
    this.#child.off(event, listener)
  }

  get #over(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #read(chunk: Buffer): void {
    this.lastOutput = performance.now()
    this.#foreign ??= chunk.toString("utf8", 0, 1) !== "{"
    this.#ahead = this.#hungry ? 0 : this.#ahead + chunk.length
    this.stdout.write(chunk)
    if (!this.#unbounded && this.#ahead > mostAhead) this.#child.stdout.pause()
  }
}
