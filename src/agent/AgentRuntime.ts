import { Context, type Effect, type Redacted, type Scope, type Stream } from "effect"
import type { AgentEvent, AgentSpent, SuspendedCall } from "../domain/Agent.ts"
import type { AgentEquipment } from "../domain/AgentEquipment.ts"
import type { ModelCredentialsMissing } from "../domain/errors/ModelErrors.ts"
import type { AgentProcessFailure, TranscriptNotStored, TranscriptUnreadable } from "../domain/errors/AgentErrors.ts"
import type { RunChange, RunChangeRefusal } from "../domain/RunChange.ts"
import type { HookAnswer, HookCall, HookEvent } from "../domain/Hook.ts"
import type { PermissionMode, RunOptions } from "../domain/RunOptions.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { StoredTranscript, Transcript } from "../domain/Transcript.ts"

/** Where an agent's conversation begins: nowhere, at its own stored past, or at another session's. */
export type FirstBeginning =
  | { readonly _tag: "New" }
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Fork"; readonly from: SessionId; readonly transcript: StoredTranscript }

/**
 * The same, or in the middle of a turn that broke off; if nothing was stored of that turn it is begun anew. If it broke
 * off before a tool call that was being asked about, the agent makes that call first, and asks again.
 */
export type Beginning =
  | FirstBeginning
  | { readonly _tag: "Continue"; readonly first: FirstBeginning; readonly suspended: SuspendedCall | null }

/** Somebody who is asked while an agent works. */
export interface TurnHook {
  readonly event: HookEvent
  /** Which tools it is about, as the SDK reads it. */
  readonly matcher: string | undefined
  /** Seconds that an answer takes at most. */
  readonly timeout: number
  call(call: HookCall): Effect.Effect<HookAnswer>
}

/** One prompt for an agent, with all that a process must know to work on it. */
export interface AgentTurn {
  readonly tenantId: TenantId
  readonly sessionId: SessionId
  readonly beginning: Beginning
  readonly transcript: Transcript
  readonly prompt: string
  /** What is added to the system prompt for this turn only: it may differ from turn to turn. */
  readonly additions: ReadonlyArray<string>
  readonly equipment: AgentEquipment
  readonly hooks: ReadonlyArray<TurnHook>
  readonly model: string
  readonly permissionMode: PermissionMode
  /** Rules that somebody has allowed for the session. */
  readonly sessionRules: ReadonlyArray<string>
  /** The request's options; `cwd` and `additional_directories` are resolved and inside the roots. */
  readonly options: Omit<
    RunOptions,
    | "agent"
    | "agents"
    | "hooks"
    | "memory"
    | "skills"
    | "tool_preset"
    | "model"
    | "permission_mode"
    | "cwd"
    | "additional_directories"
  >
  readonly cwd: string
  readonly additionalDirectories: ReadonlyArray<string>
  /** Whether the key may bypass permissions; only then is a root process told that it is sandboxed. */
  readonly mayBypassPermissions: boolean
}

/** A subagent that goes on with its own conversation in another process. */
export interface SuspendedSubagent {
  readonly agentId: string
  /** The main agent's call that it works for. */
  readonly calledBy: string
}

/** A turn of which it is known where it begins. */
export type BegunTurn = AgentTurn & {
  readonly beginning: FirstBeginning
  /** The tool call with which it goes on, in place of a prompt. */
  readonly suspendedCall: SuspendedCall | null
  /** Whose call that is: it makes it again when it is back. Null for the main agent's own. */
  readonly suspendedSubagent: SuspendedSubagent | null
}

/** An agent at work on one turn. */
export interface RunningAgent {
  /**
   * What it says, in order, ending with exactly one `end`. It never fails: every
   * failure is an outcome. Consume it once.
   */
  readonly events: Stream.Stream<AgentEvent>
  /** Has it stop; its stream then ends with `Interrupted`. Does nothing once the turn is over. */
  readonly interrupt: Effect.Effect<void>
  /** Changes it while it works; answers with why it did not change, or null. */
  change(change: RunChange): Effect.Effect<RunChangeRefusal | null>
  /** Has it make calls unasked by exactly these rules of its session; answers with why it does not, or null. */
  allow(rules: ReadonlyArray<string>): Effect.Effect<RunChangeRefusal | null>
  /** What it has spent until now: its dollars are null if it cannot say so soon. */
  readonly spent: Effect.Effect<AgentSpent>
  /** Whether it does nothing but wait for the decision about a tool call, so that nothing is lost when it is let go. */
  waitsOnlyFor(tool_use_id: string): boolean
  /**
   * Completes the conversation of an agent that was let go: calls beside the one that is being decided get a result
   * that says that they were not made. Answers with these results.
   */
  setAside(tool_use_id: string): Effect.Effect<ReadonlyArray<AgentEvent>, TranscriptUnreadable | TranscriptNotStored>
  /** Ends its processes at once, without a word to it; its stream ends when what it said until then is stored. */
  readonly abandon: Effect.Effect<void>
  /** Stops every process of the agent where it stands, without a word to it. */
  readonly freeze: Effect.Effect<void>
  /** Lets frozen processes go on. */
  readonly thaw: Effect.Effect<void>
}

/** What the service needs of an installed agent, as readiness reports it. */
export interface AgentReadiness {
  readonly sdk: "ok" | "missing" | "not executable"
  readonly credentials: "ok" | "missing"
}

/** Gives agents. When the scope closes, no process of the agent is left, however it got there. */
export class AgentRuntime extends Context.Service<
  AgentRuntime,
  {
    /** Starts an agent on a turn. What fails before there is a process to listen to fails here. */
    start(turn: AgentTurn): Effect.Effect<RunningAgent, AgentProcessFailure | ModelCredentialsMissing, Scope.Scope>
    readonly readiness: Effect.Effect<AgentReadiness>
  }
>()("causeway/agent/AgentRuntime") {}

/** How agents are run on this machine. Times are milliseconds. */
export interface AgentSettings {
  /** Tenants' homes, and what each turn's process needs while it lasts, live below it. Other machines have their own. */
  readonly directory: string
  readonly apiKey: Redacted.Redacted | undefined
  readonly baseUrl: string | undefined
  readonly startTimeout: number
  /** Longest silence of the model while nothing else is going on. */
  readonly modelIdleTimeout: number
  /** How long a run waits for its database. */
  readonly appendTimeout: number
  /** How often the CLI repeats a failed request to the model. */
  readonly modelRetries: number
  /** Longest wait for MCP servers to get ready. */
  readonly mcpTimeout: number
  /** Longest call of an MCP server's tool. */
  readonly mcpToolTimeout: number
  /** Names of environment variables that a request may set. */
  readonly environmentAllowed: ReadonlyArray<string>
  /** The CLI binary; the SDK's own when undefined. */
  readonly executable: string | undefined
}
