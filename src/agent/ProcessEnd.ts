import { Schema } from "effect"
import { existsSync, readFileSync } from "node:fs"
import {
  AgentExited,
  AgentKilled,
  AgentNotExecutable,
  AgentOutOfMemory,
  AgentProtocolBroken,
  AgentStartFailed,
  OutputFormatRefused,
  SdkMissing,
  WorkspaceMissing,
  type AgentProcessFailure
} from "../domain/errors/AgentErrors.ts"
import type { AgentProcess } from "./AgentProcess.ts"

/** What the SDK says of an error that it throws. The class is not documented, but it is on all of them. */
const SdkThrown = Schema.Struct({
  errorClass: Schema.String,
  code: Schema.optionalKey(Schema.String),
  exitCode: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  signal: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const decodeThrown = Schema.decodeUnknownOption(SdkThrown)

/** How many processes the kernel has killed for want of memory since the machine started. */
export const outOfMemoryKills = (): number => {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "latin1"))?.[1] ?? 0)
  } catch {
    return 0
  }
}

const byStderr = (stderr: string) => /out of memory|JavaScriptCore.*memory|Allocation failed/i.test(stderr)

/** What the CLI says of a schema for the answer that it cannot use. */
const formatRefusal = /--json-schema is not a valid JSON Schema: ([^\n]*)/
const longestIssue = 500

/** Exit codes by which a shell, and `unshare`, says that a command could not be run. */
const notRun = new Set([126, 127])

/** 128 and the number of a signal: how a process says that it ended for one it had caught. */
const caught: Readonly<Record<number, string>> = { 130: "SIGINT", 137: "SIGKILL", 143: "SIGTERM" }

/**
 * Why a process ended that had given no result. `thrown` is what the SDK threw, if
 * anything; the process itself is asked first, since it knows better.
 */
export const failureOfProcess = (
  process: AgentProcess | undefined,
  thrown: unknown,
  facts: { readonly ready: boolean; readonly cwd: string; readonly killsBefore: number }
): AgentProcessFailure => {
  const said = decodeThrown(thrown)
  const cause = { cause: process?.stderr === undefined || process.stderr === "" ? thrown : process.stderr }
  // The system's error for a missing working directory reads like that for a missing program.
  if (!facts.ready && !existsSync(facts.cwd)) return new WorkspaceMissing()
  if (said._tag === "Some") {
    if (said.value.errorClass === "executable_not_found") return new SdkMissing(cause)
    if (said.value.errorClass === "executable_launch_failed") return new AgentNotExecutable(cause)
  }
  if (process === undefined) return new AgentStartFailed({ reason: "options", cause: thrown })
  const refused = formatRefusal.exec(process.stderr)?.[1]
  if (!facts.ready && refused !== undefined) return new OutputFormatRefused({ issue: refused.slice(0, longestIssue) })
  const exitCode = process.exitCode
  const signal = process.signalCode ?? (exitCode === null ? undefined : caught[exitCode])
  if (byStderr(process.stderr)) return new AgentOutOfMemory()
  if (signal === "SIGKILL" && outOfMemoryKills() > facts.killsBefore) return new AgentOutOfMemory()
  if (signal !== undefined && signal !== null) return new AgentKilled({ signal })
  if (exitCode === null || (process.foreign && !facts.ready)) return new AgentProtocolBroken({ cause: thrown })
  if (facts.ready) return new AgentExited({ exit_code: exitCode, ...cause })
  if (notRun.has(exitCode)) return new AgentNotExecutable(cause)
  return new AgentStartFailed({ reason: `exit ${exitCode}`, ...cause })
}
