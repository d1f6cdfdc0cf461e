import type { query } from "@anthropic-ai/claude-agent-sdk"
import { Effect } from "effect"
import { constants } from "node:fs"
import { access } from "node:fs/promises"
import { createRequire } from "node:module"
import { AgentNotExecutable, SdkMissing } from "../domain/errors/AgentErrors.ts"

/** What is used of the SDK, and the program that it drives. */
export interface AgentSdk {
  readonly query: typeof query
  readonly executable: string
}

const binaryPackages =
  process.platform === "linux"
    ? [`linux-${process.arch}`, `linux-${process.arch}-musl`]
    : [`${process.platform}-${process.arch}`]

/** The SDK finds its binary by the same names, but tells only once it spawns. */
const bundledExecutable = (): string | undefined => {
  const require = createRequire(import.meta.resolve("@anthropic-ai/claude-agent-sdk"))
  for (const name of binaryPackages) {
    try {
      return require.resolve(`@anthropic-ai/claude-agent-sdk-${name}/claude`)
    } catch {
      continue
    }
  }
  return undefined
}

const canExecute = (executable: string) =>
  Effect.tryPromise({
    try: () => access(executable, constants.X_OK),
    catch: (cause) =>
      typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ENOENT"
        ? new SdkMissing({ cause })
        : new AgentNotExecutable({ cause })
  })

/**
 * Loads the SDK when it is first needed, so that an installation without it starts
 * and says what is missing. `executable` stands in for the SDK's own binary.
 */
export const loadSdk = Effect.fn("AgentSdk.load")(function* (executable: string | undefined) {
  const sdk = yield* Effect.tryPromise({
    try: () => import("@anthropic-ai/claude-agent-sdk"),
    catch: (cause) => new SdkMissing({ cause })
  })
  const program =
    executable ?? (yield* Effect.try({ try: bundledExecutable, catch: (cause) => new SdkMissing({ cause }) }))
  if (program === undefined) return yield* new SdkMissing({})
  yield* canExecute(program)
  return { query: sdk.query, executable: program } satisfies AgentSdk
})
