import type { Effect } from "effect"
import type { AgentTurn } from "../agent/AgentRuntime.ts"
import type { AgentOutcome, AgentSpent } from "../domain/Agent.ts"
import type { Approval } from "../domain/Approval.ts"
import type { Hooks } from "../domain/Hook.ts"
import type { Lease, RunTotals } from "../domain/Run.ts"
import type { FailureFields } from "./FailureReport.ts"
import type { CommitFailure } from "./LogWriter.ts"
import type { Recalled } from "./MemoryRecall.ts"
import type { RunWriter } from "./RunLog.ts"
import type { EndOfStart } from "./StartTurns.ts"

/** What one run's agent is to do, and for how long. */
export interface RunAssignment {
  readonly lease: Lease
  readonly turn: AgentTurn
  /** What the run has come to before. */
  readonly earlier: RunTotals
  readonly writer: RunWriter
  /** Who is asked while the agent works. */
  readonly hooks: Hooks
  /** What the agent is told of what was remembered. */
  readonly recall: Effect.Effect<Recalled>
  /** For log lines about the run. */
  readonly fields: FailureFields
  /** Whether it goes on although nobody reads it. */
  readonly outlivesReaders: boolean
  /** Whether the log has the prompt already, from an earlier segment. */
  readonly promptIsLogged: boolean
  /** Whether another instance is to go on with it when this one stops. */
  readonly handsOver: boolean
  /** What was asked before an earlier agent was let go, and is answered now. */
  readonly answered: Approval | null
  /** Waits until its agent may start; what it answers with lets the next one. */
  readonly startTurn: Effect.Effect<EndOfStart>
  /** Run when the agent has said `init`. */
  readonly onInit: Effect.Effect<unknown>
  /** Completed when the service is about to stop: an agent that waits for an answer is let go. */
  readonly suspending: Effect.Effect<void>
  /** Completed when the service stops and runs have had their time. */
  readonly stopping: Effect.Effect<void>
}

/** How the work on a run ended: with the agent's own end, for another instance, or because nothing could be written any more. */
export type WorkEnd =
  | { readonly _tag: "Ended"; readonly outcome: AgentOutcome; readonly transcriptComplete: boolean }
  | { readonly _tag: "LetGo"; readonly spent: AgentSpent }
  /** Its agent was let go until somebody has answered what it asks. */
  | { readonly _tag: "Waiting"; readonly spent: AgentSpent }
  | { readonly _tag: "Unwritable"; readonly reason: CommitFailure; readonly outcome: AgentOutcome | null }
