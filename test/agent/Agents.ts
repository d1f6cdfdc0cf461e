import { Deferred, Effect, Layer, Redacted, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startScriptedModel, type ScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import type { Script, Step } from "../../scripts/scripted-model/Script.ts"
import { AgentRuntime, type AgentSettings, type AgentTurn, type RunningAgent } from "../../src/agent/AgentRuntime.ts"
import { layer } from "../../src/agent/ClaudeAgentRuntime.ts"
import type { AgentEvent, AgentOutcome } from "../../src/domain/Agent.ts"
import { noEquipment } from "../../src/domain/AgentEquipment.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { TenantId } from "../../src/domain/Tenant.ts"
import type { Transcript, TranscriptEntry } from "../../src/domain/Transcript.ts"

/** A transcript in memory: what a store must do, and no more. */
export const memoryTranscript = () => {
  const parts = new Map<string, Array<TranscriptEntry>>()
  const transcript: Transcript = {
    append: (subpath, entries) =>
      Effect.sync(() => {
        const part = parts.get(subpath) ?? []
        const known = new Set(part.map((entry) => entry.uuid))
        part.push(...entries.filter((entry) => entry.uuid === undefined || !known.has(entry.uuid)))
        parts.set(subpath, part)
      }),
    ofRun: Effect.sync(() => parts.get("") ?? []),
    load: (subpath) => Effect.sync(() => parts.get(subpath) ?? []),
    isTakenBack: Effect.succeed(false),
    subpaths: Effect.sync(() => [...parts.keys()].filter((subpath) => subpath !== ""))
  }
  return { ...transcript, parts }
}

/** A prompt that tells the scripted model how to answer it. */
export const scripted = (text: string, ...steps: Script) => `${text} <script>${JSON.stringify(steps)}</script>`

export const newSessionId = () => SessionId.make(randomUUID())

export interface Bench {
  readonly directory: string
  readonly cwd: string
  readonly model: ScriptedModel
  readonly settings: AgentSettings
  /** A turn with nothing special about it. */
  readonly turn: (prompt: string, changes?: Partial<AgentTurn>) => AgentTurn
}

/** A model, a workspace and a directory for agents, for one test. */
export const bench = Effect.acquireRelease(
  Effect.promise(async (): Promise<Bench> => {
    const directory = mkdtempSync(join(tmpdir(), "causeway-agent-"))
    const cwd = join(directory, "workspace")
    await mkdir(cwd)
    const model = await startScriptedModel()
    const tenantId = TenantId.make(randomUUID())
    return {
      directory: join(directory, "agents"),
      cwd,
      model,
      settings: {
        directory: join(directory, "agents"),
        apiKey: Redacted.make("test-key"),
        baseUrl: model.url,
        startTimeout: 20_000,
        modelIdleTimeout: 20_000,
        appendTimeout: 10_000,
        modelRetries: 1,
        mcpTimeout: 5000,
        mcpToolTimeout: 60_000,
        environmentAllowed: ["GREETING"],
        executable: undefined
      },
      turn: (prompt, changes) => ({
        tenantId,
        sessionId: newSessionId(),
        beginning: { _tag: "New" },
        transcript: memoryTranscript(),
        prompt,
        additions: [],
        equipment: noEquipment,
        hooks: [],
        model: "claude-opus-5-5",
        permissionMode: "acceptEdits",
        sessionRules: [],
        options: {},
        cwd,
        additionalDirectories: [],
        mayBypassPermissions: false,
        ...changes
      })
    }
  }),
  ({ model, directory }) =>
    Effect.promise(async () => {
      await model.stop()
      rmSync(join(directory, ".."), { recursive: true, force: true })
    })
)

export const runtimeOf = (settings: AgentSettings) =>
  Layer.build(layer(settings)).pipe(Effect.map((context) => context))

/** Starts an agent in the test's scope. */
export const start = (settings: AgentSettings, turn: AgentTurn) =>
  Effect.gen(function* () {
    const runtime = yield* AgentRuntime
    return yield* runtime.start(turn)
  }).pipe(Effect.provide(layer(settings)))

/** Everything that a turn says, and how it ends. */
export const collect = (agent: RunningAgent) =>
  Stream.runCollect(agent.events).pipe(
    Effect.map((events) => {
      const end = events.at(-1)
      if (end?.event !== "end") throw new Error("The stream has no end")
      if (events.filter(({ event }) => event === "end").length !== 1) throw new Error("The stream ends twice")
      return { events, outcome: end.outcome }
    })
  )

/** Runs one turn to its end. */
export const run = (settings: AgentSettings, turn: AgentTurn) =>
  Effect.scoped(Effect.flatMap(start(settings, turn), collect))

/** The result of a turn that went well. */
export const completed = (outcome: AgentOutcome) => {
  if (outcome._tag !== "Completed") throw new Error(`The turn did not complete: ${JSON.stringify(outcome)}`)
  return outcome.result
}

/** The failure of a turn that failed. */
export const failed = (outcome: AgentOutcome) => {
  if (outcome._tag !== "Failed") throw new Error(`The turn did not fail: ${JSON.stringify(outcome)}`)
  return outcome
}

/** Begins to collect, and says when an event has come that fits. */
export const collectUntil = (agent: RunningAgent, fits: (event: AgentEvent) => boolean) =>
  Effect.gen(function* () {
    const seen = yield* Deferred.make<void>()
    const events: Array<AgentEvent> = []
    const fiber = yield* agent.events.pipe(
      Stream.runForEach((event) => {
        events.push(event)
        return fits(event) ? Deferred.succeed(seen, undefined) : Effect.void
      }),
      Effect.forkScoped
    )
    yield* Deferred.await(seen)
    return { events, fiber }
  })

/** Token counts that cost something. */
export const usage: NonNullable<Step["usage"]> = { input_tokens: 1000, output_tokens: 100 }

/** What the model was told by its system prompt in its last request. */
export const systemOf = (request: { readonly body: unknown } | undefined): string =>
  JSON.stringify((request?.body as { system?: unknown } | undefined)?.system)
