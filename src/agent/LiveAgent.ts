import type { Options, Query, SDKMessage } from "@anthropic-ai/claude-agent-sdk"
import { Effect, type Scope } from "effect"
import { setTimeout } from "node:timers/promises"
import { AgentStartFailed } from "../domain/errors/AgentErrors.ts"
import type { PermissionMode } from "../domain/RunOptions.ts"
import type { AgentObservation } from "./AgentObservation.ts"
import { AgentProcess } from "./AgentProcess.ts"
import type { AgentSdk } from "./AgentSdk.ts"
import type { AgentSettings, BegunTurn } from "./AgentRuntime.ts"
import { agentEnvironment } from "./AgentEnvironment.ts"
import type { Confinement } from "./Confinement.ts"
import { hasPlugin } from "./Plugin.ts"
import { sdkOptions } from "./SdkOptions.ts"
import { openGate, withGate } from "./StartGate.ts"
import type { TranscriptStore } from "./TranscriptStore.ts"
import type { TurnDirectory } from "./TurnDirectory.ts"
import { TurnInput } from "./TurnInput.ts"

const goneWithinMillis = 2000

/** The SDK's callbacks of a turn. `atWork` is called with 1 when somebody begins to be asked, and with -1 at the end. */
export type MakeCallbacks = (atWork: (change: 1 | -1) => void) => Partial<Options>

/** A conversation with a process of the SDK. The process comes a moment after the query. */
export class LiveAgent {
  readonly input: TurnInput
  readonly observation: AgentObservation
  process: AgentProcess | undefined
  /** How many hooks and people are being asked: the agent waits for them. */
  asking = 0
  readonly #query: Query
  /** Where it is kept from beginning by itself. */
  readonly #gate: TurnDirectory | null
  #closed = false

  constructor(
    sdk: AgentSdk,
    settings: AgentSettings,
    confinement: Confinement,
    turn: BegunTurn,
    directory: TurnDirectory,
    { store }: TranscriptStore,
    makeCallbacks: MakeCallbacks,
    observation: AgentObservation
  ) {
    this.observation = observation
    this.#gate = turn.suspendedCall === null ? null : directory
    this.input = new TurnInput(turn.suspendedCall === null ? turn.prompt : null, turn.equipment.images)
    const options = sdkOptions(turn)
    this.#query = sdk.query({
      prompt: this.input,
      options: {
        ...options,
        ...(this.#gate === null ? {} : withGate(options, this.#gate)),
        ...makeCallbacks((change) => (this.asking += change)),
        ...(hasPlugin(turn.equipment)
          ? { plugins: [{ type: "local", path: directory.plugin, skipMcpDiscovery: true }] }
          : {}),
        env: agentEnvironment(settings, turn, directory, observation.traceparent),
        pathToClaudeCodeExecutable: sdk.executable,
        sessionStore: store,
        sessionStoreFlush: "eager",
        spawnClaudeCodeProcess: ({ command, args, env }) => {
          if (this.#closed) throw new Error("The turn is over before it has begun")
          this.process = new AgentProcess(
            { command, args, cwd: turn.cwd, env },
            confinement,
            `CLAUDE_CONFIG_DIR=${directory.config}`
          )
          observation.spawned(this.process)
          return this.process
        }
      }
    })
  }

  /** The SDK's next message; undefined after the last. Rejects with what the SDK throws. */
  async next(): Promise<SDKMessage | undefined> {
    // Once the event loop has turned and there is still no message, the SDK has none left: it may read on.
    const waiting = setImmediate(() => this.#hungry(true))
    try {
      const { value, done } = await this.#query.next()
      return done === true ? undefined : value
    } finally {
      clearImmediate(waiting)
      this.#hungry(false)
    }
  }

  /** Has it begin; rejects when it ends before it has heard with what. */
  async begin(): Promise<void> {
    if (this.#gate !== null) {
      await this.#query.initializationResult()
      await openGate(this.#gate)
    }
    this.input.begin()
  }

  /** Asks the agent to stop where it is; resolves when it has heard. */
  async interrupt(): Promise<void> {
    this.process?.release()
    await this.#query.interrupt()
  }

  /** Resolves when the agent has changed; rejects when it does not. */
  async setPermissionMode(mode: PermissionMode): Promise<void> {
    await this.#query.setPermissionMode(mode)
  }

  async setModel(model: string): Promise<void> {
    await this.#query.setModel(model)
  }

  /** In a layer of settings that can be replaced, unlike the rules with which it is started. */
  async allow(rules: ReadonlyArray<string>): Promise<void> {
    await this.#query.applyFlagSettings({ permissions: { allow: [...rules] } })
  }

  /** What it works with. */
  async equipment() {
    const [{ commands, models }, servers] = await Promise.all([
      this.#query.initializationResult(),
      this.#query.mcpServerStatus()
    ])
    return { commands, models, servers }
  }

  /** What it has cost so far. */
  async spent(): Promise<unknown> {
    // The scan of transcripts that is skipped would be for a person at a terminal.
    return this.#query.usage_EXPERIMENTAL_MAY_CHANGE_DO_NOT_RELY_ON_THIS_API_YET({ skipBehaviors: true })
  }

  kill(): void {
    this.#closed = true
    this.process?.kill()
  }

  /** Waits until the process is gone, for a short while, and then sees to it. */
  readonly gone = Effect.promise(async () => {
    if (await this.#goneSoon()) return
    this.kill()
    await this.#goneSoon()
  })

  /** Ends everything, now. */
  readonly close = Effect.suspend(() => {
    this.kill()
    this.input.end()
    return this.gone
  }).pipe(Effect.andThen(Effect.sync(() => this.#query.close())))

  /** A race of promises: a finaliser cannot be interrupted, so that a time limit on an effect would not hold. */
  async #goneSoon(): Promise<boolean> {
    const limit = new AbortController()
    const late = setTimeout(goneWithinMillis, false, { signal: limit.signal }).catch(() => false)
    const gone = await Promise.race([this.process?.gone().then(() => true) ?? true, late])
    limit.abort()
    return gone
  }

  #hungry(hungry: boolean): void {
    if (this.process !== undefined) this.process.hungry = hungry
  }
}

/** Starts an agent that ends, with all its processes, when the scope does. */
export const startLiveAgent = (
  ...parameters: ConstructorParameters<typeof LiveAgent>
): Effect.Effect<LiveAgent, AgentStartFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => new LiveAgent(...parameters),
      catch: (cause) => new AgentStartFailed({ reason: "options", cause })
    }),
    (agent) => agent.close
  )
