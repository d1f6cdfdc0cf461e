import { Option, Schema } from "effect"
import type { ErrorObject } from "../RunEvent.ts"
import * as AgentErrors from "./AgentErrors.ts"
import * as BudgetErrors from "./BudgetErrors.ts"
import { catalogue } from "./catalogue.ts"
import * as CheckpointErrors from "./CheckpointErrors.ts"
import { PromptDenied } from "./HookErrors.ts"
import * as ModelErrors from "./ModelErrors.ts"
import { SessionPersistFailed } from "./SessionErrors.ts"

/** Everything that can end a run other than well. */
export const RunFailure = Schema.Union([
  AgentErrors.SdkMissing,
  AgentErrors.AgentNotExecutable,
  AgentErrors.WorkspaceMissing,
  AgentErrors.AgentStartTimedOut,
  AgentErrors.AgentStartFailed,
  AgentErrors.OutputFormatRefused,
  AgentErrors.AgentKilled,
  AgentErrors.AgentExited,
  AgentErrors.AgentOutOfMemory,
  AgentErrors.AgentProtocolBroken,
  AgentErrors.InitParseFailed,
  AgentErrors.ResultParseFailed,
  AgentErrors.UuidTypeError,
  AgentErrors.TranscriptUnreadable,
  AgentErrors.TranscriptMissing,
  AgentErrors.RunTimedOut,
  AgentErrors.RunLost,
  AgentErrors.RunInterrupted,
  ModelErrors.ModelCredentialsMissing,
  ModelErrors.ModelUnauthorized,
  ModelErrors.ModelForbidden,
  ModelErrors.ModelNotFound,
  ModelErrors.ModelRequestRejected,
  ModelErrors.ModelBillingFailed,
  ModelErrors.PromptTooLong,
  ModelErrors.ModelRequestTooLarge,
  ModelErrors.ModelRateLimited,
  ModelErrors.ModelOverloaded,
  ModelErrors.ModelServerFailed,
  ModelErrors.ModelUnreachable,
  ModelErrors.ModelSilent,
  ModelErrors.ModelStreamCut,
  ModelErrors.ModelResponseInvalid,
  ModelErrors.ModelRefused,
  ModelErrors.MaxTokensReached,
  ModelErrors.MaxTurnsReached,
  ModelErrors.BudgetReached,
  PromptDenied,
  BudgetErrors.SessionBudgetReached,
  BudgetErrors.TenantBudgetReached,
  ModelErrors.StructuredOutputMissing,
  ModelErrors.AgentTurnFailed,
  CheckpointErrors.WorkspaceTooLarge,
  CheckpointErrors.CheckpointFailed,
  SessionPersistFailed
])
export type RunFailure = typeof RunFailure.Type

const tagOf = new Map<string, string>(Object.entries(catalogue).map(([tag, entry]) => [entry.error_id, tag]))

const decode = Schema.decodeUnknownOption(RunFailure)

/** The failure that an `error` event of a stream stands for; none if it is not one that ends a run. */
export const failureOf = (error: ErrorObject): Option.Option<RunFailure> =>
  Option.flatMap(Option.fromNullishOr(tagOf.get(error.error_id)), (_tag) => decode({ ...error.details, _tag }))
