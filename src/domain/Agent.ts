import { type Deferred, Schema } from "effect"
import type { ToolDecision, ToolInput } from "./Approval.ts"
import type {
  AgentProcessFailure,
  InitParseFailed,
  ResultParseFailed,
  RunTimedOut,
  TranscriptNotStored
} from "./errors/AgentErrors.ts"
import type { BudgetSpent } from "./errors/BudgetErrors.ts"
import type { CheckpointFailure } from "./errors/CheckpointErrors.ts"
import type { PromptDenied } from "./errors/HookErrors.ts"
import type { ModelFailure } from "./errors/ModelErrors.ts"
import { Usage } from "./Run.ts"
import {
  InitData,
  MessageData,
  PartialData,
  PermissionDeniedData,
  ResultData,
  RetryData,
  StatusData,
  type TodoData,
  ToolProgressData
} from "./RunEvent.ts"

/** What an agent's turn came to: its `result` without the ids and what only Causeway knows. */
export const AgentResult = Schema.Struct({
  result: ResultData.fields.result,
  stop_reason: ResultData.fields.stop_reason,
  num_turns: Schema.NullOr(Schema.Int),
  /** This turn's own dollars, without those of earlier turns of the conversation. */
  total_cost_usd: Schema.NullOr(Schema.Finite),
  usage: Schema.NullOr(Usage),
  model_usage: ResultData.fields.model_usage,
  permission_denials: ResultData.fields.permission_denials,
  structured_output: ResultData.fields.structured_output
})
export type AgentResult = typeof AgentResult.Type

/** What an agent has spent on a turn, as far as it has said so. */
export type AgentSpent = Pick<AgentResult, "num_turns" | "total_cost_usd" | "usage" | "model_usage">

/** A tool call that somebody must decide about: the agent waits for it. */
export interface ToolRequest {
  readonly tool_name: string
  readonly tool_use_id: string
  readonly input: ToolInput
  /** Why it is asked, if the agent knows. */
  readonly reason: string | null
  /** Rules that would allow just this. */
  readonly rules: ReadonlyArray<string>
  /** Whether it is gone with its process: so it is with what is asked below the main agent's own subagents. */
  readonly endsWithProcess: boolean
}

/** A tool call that was asked about, and whose agent was let go meanwhile. */
export type SuspendedCall = Pick<ToolRequest, "tool_name" | "tool_use_id" | "input">

/** What an agent says while it works, by the names of the wire. */
export type AgentEvent =
  | { readonly event: "init"; readonly data: Omit<typeof InitData.Type, "session_id" | "run_id"> }
  | { readonly event: "message"; readonly data: typeof MessageData.Type }
  | { readonly event: "partial"; readonly data: typeof PartialData.Type }
  | { readonly event: "permission_denied"; readonly data: typeof PermissionDeniedData.Type }
  | { readonly event: "tool_progress"; readonly data: typeof ToolProgressData.Type }
  | { readonly event: "todo"; readonly data: typeof TodoData.Type }
  | { readonly event: "retry"; readonly data: typeof RetryData.Type }
  | { readonly event: "status"; readonly data: typeof StatusData.Type }
  /** What was asked before is not asked any more: who made that call has come to its end without it. */
  | { readonly event: "request_withdrawn"; readonly tool_use_id: string }
  /** Somebody is to decide; the agent goes on once `decision` is there. */
  | { readonly event: "request"; readonly request: ToolRequest; readonly decision: Deferred.Deferred<ToolDecision> }
  /** A failure that the turn survives: it is reported, and the agent goes on. */
  | { readonly event: "warning"; readonly failure: TranscriptNotStored | InitParseFailed }
  /** The turn is over; nothing follows. */
  | { readonly event: "end"; readonly outcome: AgentOutcome }

/** How an agent's turn ended. */
export type AgentOutcome =
  | { readonly _tag: "Completed"; readonly result: AgentResult }
  | { readonly _tag: "Interrupted"; readonly result: AgentResult }
  /** It failed, with what it had done and spent until then where the agent said so. */
  | {
      readonly _tag: "Failed"
      readonly failure:
        AgentProcessFailure | ModelFailure | BudgetSpent | PromptDenied | RunTimedOut | CheckpointFailure
      readonly result: AgentResult | null
    }
  /** It ended well as far as can be told, but what it cost is unknown. */
  | { readonly _tag: "Unreadable"; readonly failure: ResultParseFailed }
