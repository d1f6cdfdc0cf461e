import { Clock, Effect, Layer, Option, Result, Schedule } from "effect"
import { stat } from "node:fs/promises"
import type { AgentEvent, SuspendedCall } from "../domain/Agent.ts"
import { AgentStartFailed, type TranscriptUnreadable, WorkspaceMissing } from "../domain/errors/AgentErrors.ts"
import { ModelCredentialsMissing } from "../domain/errors/ModelErrors.ts"
import type { TranscriptEntry } from "../domain/Transcript.ts"
import { observeAgent, registerAgentMetrics } from "./AgentObservation.ts"
import {
  AgentRuntime,
  type AgentReadiness,
  type AgentSettings,
  type AgentTurn,
  type BegunTurn
} from "./AgentRuntime.ts"
import { loadSdk } from "./AgentSdk.ts"
import { findConfinement } from "./Confinement.ts"
import { sdkHooks } from "./Hooks.ts"
import { completeTurn, continuationPrompt, hasPrompt, suspendTurn } from "./InterruptedTranscript.ts"
import { type MakeCallbacks, startLiveAgent } from "./LiveAgent.ts"
import { hasPlugin, writePlugin } from "./Plugin.ts"
import { runTurn } from "./RunningTurn.ts"
import { closeGate } from "./StartGate.ts"
import { bringBack } from "./SuspendedSubagent.ts"
import { makeToolRequests } from "./ToolRequests.ts"
import { writeTranscript } from "./TranscriptFiles.ts"
import { makeTranscriptStore } from "./TranscriptStore.ts"
import { makeTurnDirectory, removeAbandoned } from "./TurnDirectory.ts"

/** How often it is looked for directories whose processes are no more. */
const sweepEvery = "1 hour"

const checkWorkspace = (cwd: string) =>
  Effect.tryPromise({ try: () => stat(cwd), catch: () => new WorkspaceMissing() }).pipe(
    Effect.filterOrFail(
      (stats) => stats.isDirectory(),
      () => new WorkspaceMissing()
    ),
    Effect.asVoid
  )

/** A turn from where it begins, and what is to be said of that once its agent is ready. */
interface ResolvedTurn {
  readonly turn: BegunTurn
  readonly opening: ReadonlyArray<AgentEvent>
}

/** Completes the conversation of a turn that broke off, and finds the call with which it goes on, if there is one. */
const continueTurn = Effect.fnUntraced(function* (
  { permissionMode, transcript }: AgentTurn,
  main: ReadonlyArray<TranscriptEntry>,
  asked: SuspendedCall | null
) {
  const now = new Date(yield* Clock.currentTimeMillis)
  const suspended = asked === null ? Option.none() : suspendTurn(main, asked, permissionMode, now)
  if (Option.isNone(suspended) && asked !== null) {
    const continued = Option.getOrUndefined(yield* bringBack(transcript, asked, permissionMode))
    if (continued !== undefined) {
      return { events: continued.events, suspendedCall: asked, suspendedSubagent: continued.subagent }
    }
  }
  const { entries, events } = Option.getOrElse(suspended, () => completeTurn({ entries: main, calledBy: null }, now))
  if (entries.length > 0) yield* transcript.append("", entries)
  return { events, suspendedCall: Option.isSome(suspended) ? asked : null, suspendedSubagent: null }
})

/** Finds out where a turn really begins: one that broke off has its conversation completed. */
const resolveBeginning = Effect.fnUntraced(function* (
  turn: AgentTurn
): Effect.fn.Return<ResolvedTurn, TranscriptUnreadable | AgentStartFailed> {
  const { beginning, transcript } = turn
  const none = { suspendedCall: null, suspendedSubagent: null }
  if (beginning._tag !== "Continue") return { turn: { ...turn, ...none, beginning }, opening: [] }
  const main = yield* transcript.ofRun
  if (!hasPrompt(main, turn)) return { turn: { ...turn, ...none, beginning: beginning.first }, opening: [] }
  const { events: opening, ...suspended } = yield* continueTurn(turn, main, beginning.suspended).pipe(
    Effect.catchTag("TranscriptNotStored", (cause) => new AgentStartFailed({ reason: "transcript", cause }))
  )
  // The prompt's images are in the conversation as the prompt is.
  const equipment = { ...turn.equipment, images: [] }
  return {
    turn: { ...turn, ...suspended, beginning: { _tag: "Resume" }, prompt: continuationPrompt, equipment },
    opening
  }
})

/**
 * Puts the stored conversation that a turn begins with where its process will look for it; answers with how it
 * begins. One that was taken back to its first message begins anew.
 */
const recall = Effect.fnUntraced(function* (
  { beginning, sessionId, suspendedSubagent, transcript }: BegunTurn,
  config: string
) {
  switch (beginning._tag) {
    case "New":
      return beginning
    case "Resume": {
      const written = yield* Effect.result(writeTranscript(transcript, sessionId, config, suspendedSubagent))
      if (Result.isSuccess(written)) return beginning
      const isGone = written.failure._tag === "TranscriptMissing" && (yield* transcript.isTakenBack)
      return isGone ? ({ _tag: "New" } as const) : yield* written.failure
    }
    case "Fork":
      yield* writeTranscript(beginning.transcript, beginning.from, config)
      return beginning
  }
})

/** Agents of the Claude Agent SDK: one process of its CLI for each turn. */
export const layer = (settings: AgentSettings): Layer.Layer<AgentRuntime> =>
  Layer.effect(
    AgentRuntime,
    Effect.gen(function* () {
      yield* removeAbandoned(settings.directory)
      // Other processes on this machine may die while this one goes on.
      yield* removeAbandoned(settings.directory).pipe(Effect.schedule(Schedule.spaced(sweepEvery)), Effect.forkScoped)
      yield* registerAgentMetrics
      const confinement = yield* findConfinement
      const hasCredentials = settings.apiKey !== undefined || settings.baseUrl !== undefined

      const start = Effect.fn("ClaudeAgentRuntime.start")(function* (asked: AgentTurn) {
        if (!hasCredentials) return yield* new ModelCredentialsMissing()
        const sdk = yield* loadSdk(settings.executable)
        const { opening, turn: resolved } = yield* resolveBeginning(asked)
        yield* checkWorkspace(asked.cwd)
        const userSettings = asked.options.setting_sources?.includes("user") === true
        const directory = yield* makeTurnDirectory(settings.directory, asked.tenantId, userSettings)
        const turn: BegunTurn = { ...resolved, beginning: yield* recall(resolved, directory.config) }
        if (turn.suspendedCall !== null) yield* closeGate(directory)
        if (hasPlugin(turn.equipment)) yield* writePlugin(turn.equipment, directory.plugin)
        const transcript = yield* makeTranscriptStore(turn.transcript, settings.appendTimeout)
        const observation = yield* observeAgent(turn)
        const requests = yield* makeToolRequests(turn)
        const hooks = yield* sdkHooks(turn.hooks, requests.expected, requests.hook)
        const callbacks: MakeCallbacks = (atWork) => ({ ...hooks(atWork), ...requests.options(atWork) })
        const agent = yield* startLiveAgent(
          sdk,
          settings,
          confinement,
          turn,
          directory,
          transcript,
          callbacks,
          observation
        )
        return yield* runTurn(settings, turn, agent, transcript, opening, requests)
      })

      const readiness = loadSdk(settings.executable).pipe(
        Effect.match({
          onFailure: ({ _tag }) => (_tag === "SdkMissing" ? ("missing" as const) : ("not executable" as const)),
          onSuccess: () => "ok" as const
        }),
        Effect.map((sdk): AgentReadiness => ({ sdk, credentials: hasCredentials ? "ok" : "missing" }))
      )

      return AgentRuntime.of({ start, readiness })
    })
  )
