import * as AgentErrors from "../domain/errors/AgentErrors.ts"
import * as BudgetErrors from "../domain/errors/BudgetErrors.ts"
import { PromptDenied } from "../domain/errors/HookErrors.ts"
import * as ImageErrors from "../domain/errors/ImageErrors.ts"
import * as McpErrors from "../domain/errors/McpErrors.ts"
import * as CheckpointErrors from "../domain/errors/CheckpointErrors.ts"
import * as ModelErrors from "../domain/errors/ModelErrors.ts"
import * as OutboundErrors from "../domain/errors/OutboundErrors.ts"
import * as RequestErrors from "../domain/errors/RequestErrors.ts"
import * as ResourceErrors from "../domain/errors/ResourceErrors.ts"
import * as SessionErrors from "../domain/errors/SessionErrors.ts"
import * as StorageErrors from "../domain/errors/StorageErrors.ts"
import { problem } from "./Problem.ts"

/** What any request can fail with before its handler is reached, and bugs. */
export const boundaryProblems = [problem(RequestErrors.ValidationFailed), problem(RequestErrors.Internal)] as const

/** What a request with a body can fail with before the body is decoded. */
export const bodyProblems = [
  problem(RequestErrors.ValidationFailed),
  problem(RequestErrors.PayloadTooLarge),
  problem(RequestErrors.UnsupportedMediaType)
] as const

/** What a request can fail with until its sender is known and may send it. */
export const authenticationProblems = [
  problem(RequestErrors.Unauthorized),
  problem(RequestErrors.Forbidden),
  problem(RequestErrors.RateLimited),
  problem(StorageErrors.DbUnavailable),
  problem(StorageErrors.DbOperational),
  problem(StorageErrors.DbRefused)
] as const

/** What reading stored data can fail with. */
export const readProblems = [
  problem(StorageErrors.DbUnavailable),
  problem(StorageErrors.DbOperational),
  problem(SessionErrors.SessionRetrievalFailed)
] as const

/** What following a stream can fail with, until it begins. */
export const followProblems = [...readProblems, problem(RequestErrors.TooManyStreams)] as const

/** What changing stored data can fail with. */
export const writeProblems = [
  problem(StorageErrors.DbUnavailable),
  problem(StorageErrors.DbOperational),
  problem(StorageErrors.DbRefused)
] as const

/** What starting a run can fail with, until its stream begins. */
export const startProblems = [
  problem(RequestErrors.ShuttingDown),
  problem(RequestErrors.CapacityExceeded),
  problem(RequestErrors.TooManyStreams),
  problem(RequestErrors.InstanceOverloaded),
  problem(RequestErrors.IdempotencyMismatch),
  problem(RequestErrors.Forbidden),
  problem(RequestErrors.ValidationFailed),
  problem(StorageErrors.DbUnavailable),
  problem(StorageErrors.DbOperational),
  problem(StorageErrors.RedisUnavailable),
  problem(ResourceErrors.ProjectNotFound),
  problem(ResourceErrors.AgentNotFound),
  problem(ResourceErrors.SkillNotFound),
  problem(ResourceErrors.ToolPresetNotFound),
  problem(SessionErrors.SessionNotFound),
  problem(SessionErrors.SessionBusy),
  problem(CheckpointErrors.SessionRewinding),
  problem(CheckpointErrors.WorkspaceTooLarge),
  problem(CheckpointErrors.CheckpointFailed),
  problem(SessionErrors.QueueFull),
  problem(SessionErrors.RunUnresponsive),
  problem(SessionErrors.SessionCreateFailed),
  problem(SessionErrors.SessionRetrievalFailed),
  problem(SessionErrors.SessionPersistFailed),
  problem(McpErrors.McpListFailed),
  problem(McpErrors.McpServerNotFound),
  problem(McpErrors.TooManyMcpServers),
  problem(ImageErrors.TooManyImages),
  problem(ImageErrors.ImageTooLarge),
  problem(ImageErrors.ImageUnusable),
  problem(OutboundErrors.UrlRefused),
  problem(OutboundErrors.UrlUnreachable),
  problem(ModelErrors.ModelCredentialsMissing),
  problem(AgentErrors.SdkMissing),
  problem(AgentErrors.AgentNotExecutable),
  problem(AgentErrors.WorkspaceMissing),
  problem(AgentErrors.AgentStartTimedOut),
  problem(AgentErrors.AgentStartFailed),
  problem(AgentErrors.OutputFormatRefused),
  problem(AgentErrors.AgentKilled),
  problem(AgentErrors.AgentExited),
  problem(AgentErrors.AgentOutOfMemory),
  problem(AgentErrors.AgentProtocolBroken),
  problem(AgentErrors.InitParseFailed),
  problem(AgentErrors.ResultParseFailed),
  problem(AgentErrors.UuidTypeError),
  problem(AgentErrors.TranscriptUnreadable),
  problem(AgentErrors.TranscriptMissing),
  problem(AgentErrors.RunTimedOut),
  problem(AgentErrors.RunLost),
  problem(AgentErrors.RunInterrupted),
  problem(ModelErrors.ModelUnauthorized),
  problem(ModelErrors.ModelForbidden),
  problem(ModelErrors.ModelNotFound),
  problem(ModelErrors.ModelRequestRejected),
  problem(ModelErrors.ModelBillingFailed),
  problem(ModelErrors.PromptTooLong),
  problem(ModelErrors.ModelRequestTooLarge),
  problem(ModelErrors.ModelRateLimited),
  problem(ModelErrors.ModelOverloaded),
  problem(ModelErrors.ModelServerFailed),
  problem(ModelErrors.ModelUnreachable),
  problem(ModelErrors.ModelSilent),
  problem(ModelErrors.ModelStreamCut),
  problem(ModelErrors.ModelResponseInvalid),
  problem(ModelErrors.ModelRefused),
  problem(ModelErrors.MaxTokensReached),
  problem(ModelErrors.MaxTurnsReached),
  problem(ModelErrors.BudgetReached),
  problem(PromptDenied),
  problem(BudgetErrors.SessionBudgetReached),
  problem(BudgetErrors.TenantBudgetReached),
  problem(ModelErrors.StructuredOutputMissing),
  problem(ModelErrors.AgentTurnFailed)
] as const
