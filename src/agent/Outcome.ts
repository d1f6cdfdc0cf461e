import { Record } from "effect"
import type { AgentOutcome, AgentResult } from "../domain/Agent.ts"
import { AgentStartFailed, TranscriptMissing, type AgentProcessFailure } from "../domain/errors/AgentErrors.ts"
import {
  AgentTurnFailed,
  BudgetReached,
  MaxTokensReached,
  MaxTurnsReached,
  ModelBillingFailed,
  ModelForbidden,
  ModelNotFound,
  ModelOverloaded,
  ModelRateLimited,
  ModelRefused,
  ModelRequestRejected,
  ModelRequestTooLarge,
  ModelResponseInvalid,
  ModelServerFailed,
  ModelSilent,
  ModelStreamCut,
  ModelUnauthorized,
  ModelUnreachable,
  PromptTooLong,
  StructuredOutputMissing,
  type ModelFailure
} from "../domain/errors/ModelErrors.ts"
import type { ModelUsage } from "../domain/Run.ts"
import { usageOf } from "./EventMapping.ts"
import type { SdkModelUsage, SdkResult } from "./SdkMessages.ts"

/** What is known of a turn beside its result. */
export interface TurnFacts {
  readonly model: string
  /** The SDK's name for what was wrong with the last failed request to the model. */
  readonly lastError: string | undefined
  /** How long the model may be silent. */
  readonly idleLimit: number
  /** Whether the answer must have the form that the request gave. */
  readonly wantsForm: boolean
}

/** A result of which nothing is known. */
export const unknownResult: AgentResult = {
  result: null,
  stop_reason: null,
  num_turns: null,
  total_cost_usd: null,
  usage: null,
  model_usage: null,
  permission_denials: []
}

/** What one model did, in the words of the domain. */
export const modelUsageOf = (used: typeof SdkModelUsage.Type): ModelUsage => ({
  input_tokens: used.inputTokens,
  output_tokens: used.outputTokens,
  cache_read_input_tokens: used.cacheReadInputTokens,
  cache_creation_input_tokens: used.cacheCreationInputTokens,
  total_cost_usd: used.costUSD
})

/** What a turn did and cost, whatever became of it. */
export const resultOf = (result: SdkResult): AgentResult => ({
  // A failed turn's `result` is the CLI's own text about the failure.
  result: result.is_error ? null : (result.result ?? null),
  // Nor is its reason to stop the model's.
  stop_reason: result.is_error && result.stop_reason === "stop_sequence" ? null : (result.stop_reason ?? null),
  num_turns: result.num_turns,
  total_cost_usd: result.total_cost_usd,
  usage: usageOf(result.usage),
  model_usage: Record.map(result.modelUsage, modelUsageOf),
  permission_denials: result.permission_denials.map(({ tool_name, tool_use_id, message }) => ({
    tool_name,
    tool_use_id,
    message: message ?? null
  })),
  ...(result.structured_output === undefined ? {} : { structured_output: result.structured_output })
})

const byStatus = (status: number, facts: TurnFacts): ModelFailure => {
  switch (status) {
    case 401:
      return new ModelUnauthorized()
    case 403:
      return new ModelForbidden()
    case 404:
      return new ModelNotFound({ model: facts.model })
    case 413:
      return new ModelRequestTooLarge()
    case 429:
      return new ModelRateLimited()
    case 529:
      return new ModelOverloaded()
    default:
      return status >= 500 ? new ModelServerFailed({ upstream_status: status }) : new ModelRequestRejected()
  }
}

/** Failed requests that had no answer with a status: only their text tells them apart. */
const byText = (text: string, facts: TurnFacts): ModelFailure | undefined => {
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|unable to connect/i.test(text))
    return new ModelUnreachable()
  if (/timed? ?out/i.test(text)) return new ModelSilent({ limit_ms: facts.idleLimit })
  if (/mid-response|ECONNRESET|socket|closed|terminated|connection (lost|error)/i.test(text))
    return new ModelStreamCut()
  if (/malformed|empty|invalid/i.test(text)) return new ModelResponseInvalid()
  return undefined
}

const modelFailure = (result: SdkResult, facts: TurnFacts): ModelFailure => {
  const { terminal_reason, stop_reason, api_error_status: status } = result
  const text = [result.result ?? "", ...result.errors].join("\n")
  // The CLI's own limit comes before the model's, where it knows the model.
  if (terminal_reason === "prompt_too_long" || terminal_reason === "blocking_limit") return new PromptTooLong()
  if (terminal_reason === "image_error") return new ModelRequestTooLarge()
  if (stop_reason === "refusal") return new ModelRefused()
  if (facts.lastError === "max_output_tokens" || stop_reason === "max_tokens") return new MaxTokensReached()
  if (facts.lastError === "billing_error") return new ModelBillingFailed()
  if (facts.lastError === "model_not_found") return new ModelNotFound({ model: facts.model })
  if (status != null && status >= 400) return byStatus(status, facts)
  if (facts.lastError === "authentication_failed") return new ModelUnauthorized()
  if (facts.lastError === "rate_limit") return new ModelRateLimited()
  if (facts.lastError === "overloaded") return new ModelOverloaded()
  const told = byText(text, facts)
  if (facts.lastError === "connection_failed") return told?._tag === "ModelSilent" ? told : new ModelUnreachable()
  if (told !== undefined) return told
  if (facts.lastError === "server_error") return new ModelServerFailed({ upstream_status: null })
  return new AgentTurnFailed({ reason: terminal_reason ?? result.subtype })
}

const failureOf = (result: SdkResult, facts: TurnFacts): AgentProcessFailure | ModelFailure => {
  switch (result.subtype) {
    case "success":
      return modelFailure(result, facts)
    case "error_max_turns":
      return new MaxTurnsReached({ num_turns: result.num_turns })
    case "error_max_budget_usd":
      return new BudgetReached({ total_cost_usd: result.total_cost_usd })
    case "error_max_structured_output_retries":
      return new StructuredOutputMissing({ reason: "invalid" })
    default:
      if (result.startup_failure_reason != null) {
        return new AgentStartFailed({ reason: result.startup_failure_reason, cause: result.errors.join("\n") })
      }
      if (result.errors.some((text) => text.includes("No conversation found"))) return new TranscriptMissing()
      return modelFailure(result, facts)
  }
}

/** What a result message says about its turn. */
export const outcomeOf = (result: SdkResult, facts: TurnFacts): AgentOutcome => {
  if (result.subtype !== "success" || result.is_error) {
    return { _tag: "Failed", failure: failureOf(result, facts), result: resultOf(result) }
  }
  // The CLI calls it a success when the model answers with text alone, though it was asked for a form.
  return facts.wantsForm && result.structured_output === undefined
    ? { _tag: "Failed", failure: new StructuredOutputMissing({ reason: "absent" }), result: resultOf(result) }
    : { _tag: "Completed", result: resultOf(result) }
}
