import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { spawnBound } from "../test/launchers/BoundProcess.ts"

/** A program of this checkout in a process of its own. */
export interface Program {
  readonly pid: number
  /** Gives it a line to read. */
  readonly write: (line: string) => void
  /** Its next line that matches; rejects when it ends before. */
  readonly line: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Ends it and waits until it is gone. */
  readonly stop: () => Promise<void>
}

/** What a program gets of this one's environment: nothing that would change what is measured. */
const inherited = () => {
  const { HOME, PATH, TMPDIR } = process.env
  return Object.fromEntries(Object.entries({ HOME, PATH, TMPDIR }).filter(([, value]) => value !== undefined))
}

const extraOptions = () => (process.env["BENCH_NODE_OPTIONS"] ?? "").split(" ").filter((option) => option !== "")

const waitFor = (child: ChildProcess, lines: Array<string>, pattern: RegExp) =>
  new Promise<RegExpExecArray>((resolve, reject) => {
    const look = () => {
      for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
        const match = pattern.exec(line)
        if (match !== null) return settle(() => resolve(match))
      }
    }
    const fail = () => settle(() => reject(new Error(`The program ended (${child.exitCode ?? child.signalCode})`)))
    const settle = (done: () => void) => {
      child.off("exit", fail).off("line", look)
      done()
    }
    child.on("exit", fail).on("line", look)
    look()
  })

/** Starts a TypeScript file of this checkout, by its path from the root. BENCH_NODE_OPTIONS are for profiling. */
export const startProgram = (path: string, env: Readonly<Record<string, string>>): Program => {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url))
  const child = spawnBound(process.execPath, [...extraOptions(), file], {
    env: { ...inherited(), NODE_ENV: "production", ...env },
    stdio: ["pipe", "pipe", "inherit"]
  })
  const lines: Array<string> = []
  let rest = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts)
    child.emit("line")
  })
  return {
    pid: child.pid ?? 0,
    write: (line) => void child.stdin?.write(`${line}\n`),
    line: (pattern) => waitFor(child, lines, pattern),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, "exit")
      child.kill("SIGTERM")
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000)
      await gone
      clearTimeout(late)
    }
  }
}
