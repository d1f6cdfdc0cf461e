// What each service can fail with, to the letter. Nothing here runs: the compiler is the test.
import type { Effect, Stream } from "effect"
import type { AgentRuntime } from "../../src/agent/AgentRuntime.ts"
import type {
  ApprovalAnswered,
  ApprovalNotFound,
  ApprovalOver,
  SessionRuleNotFound
} from "../../src/domain/errors/ApprovalErrors.ts"
import type { AgentProcessFailure } from "../../src/domain/errors/AgentErrors.ts"
import type { ImageFailure } from "../../src/domain/errors/ImageErrors.ts"
import type { McpListFailed, McpServerNotFound, TooManyMcpServers } from "../../src/domain/errors/McpErrors.ts"
import type { TenantNotFound } from "../../src/domain/errors/BudgetErrors.ts"
import type { ModelCredentialsMissing } from "../../src/domain/errors/ModelErrors.ts"
import type { UrlRefused, UrlUnreachable } from "../../src/domain/errors/OutboundErrors.ts"
import type {
  CapacityExceeded,
  Forbidden,
  IdempotencyMismatch,
  InstanceOverloaded,
  ShuttingDown,
  Unauthorized,
  ValidationFailed
} from "../../src/domain/errors/RequestErrors.ts"
import type { SessionRewinding } from "../../src/domain/errors/CheckpointErrors.ts"
import type { RunFailure } from "../../src/domain/errors/RunFailure.ts"
import type {
  ApiKeyNotFound,
  NothingToAnswer,
  QueueFull,
  RunChangeRefused,
  RunNotFound,
  RunOver,
  RunUnresponsive,
  SessionBusy,
  SessionCreateFailed,
  SessionIdle,
  SessionNotFound,
  SessionRetrievalFailed
} from "../../src/domain/errors/SessionErrors.ts"
import type {
  AlreadyExists,
  DbOperational,
  DbRefused,
  DbUnavailable,
  RedisUnavailable,
  SecretUnreadable
} from "../../src/domain/errors/StorageErrors.ts"
import type { DeliveryNotFound, WebhookDisabled, WebhookNotFound } from "../../src/domain/errors/WebhookErrors.ts"
import type {
  AgentNotFound,
  ProjectNotFound,
  ResourceLimitReached,
  SkillNotFound,
  ToolPresetNotFound
} from "../../src/domain/errors/ResourceErrors.ts"
import type { ApiKeys } from "../../src/services/ApiKeys.ts"
import type { Approvals } from "../../src/services/Approvals.ts"
import type { Budgets } from "../../src/services/Budgets.ts"
import type { Hooks } from "../../src/services/Hooks.ts"
import type { makeRunApprovals } from "../../src/services/RunApprovals.ts"
import type { Runs } from "../../src/services/Runs.ts"
import type { SessionRules } from "../../src/services/SessionRules.ts"
import type { Sessions } from "../../src/services/Sessions.ts"
import type { Tenants } from "../../src/services/Tenants.ts"
import type { WebhookDeliveries } from "../../src/services/WebhookDeliveries.ts"
import type { makeWebhookSending } from "../../src/services/WebhookSending.ts"
import type { Webhooks } from "../../src/services/Webhooks.ts"
import { accepts, type Equal, holds } from "./Equal.ts"

type Fails<Method> = Method extends (...args: never) => Effect.Effect<unknown, infer E, unknown> ? E : never

type Reading = DbUnavailable | DbOperational | SessionRetrievalFailed
type Writing = DbUnavailable | DbOperational | DbRefused
type Starting =
  | ShuttingDown
  | CapacityExceeded
  | InstanceOverloaded
  | IdempotencyMismatch
  | Forbidden
  | ValidationFailed
  | ProjectNotFound
  | AgentNotFound
  | SkillNotFound
  | ToolPresetNotFound
  | SessionRetrievalFailed
  | SessionNotFound
  | SessionBusy
  | QueueFull
  | RunUnresponsive
  | SessionRewinding
  | SessionCreateFailed
  | DbUnavailable
  | DbOperational
  | RedisUnavailable
  | McpListFailed
  | McpServerNotFound
  | TooManyMcpServers
  | ImageFailure
  | UrlRefused
  | UrlUnreachable
  | RunFailure

holds<Equal<Fails<Sessions["Service"]["get"]>, SessionNotFound | Reading>>()
holds<Equal<Fails<Sessions["Service"]["list"]>, Reading>>()
holds<Equal<Fails<Sessions["Service"]["messages"]>, SessionNotFound | Reading>>()
holds<Equal<Fails<Sessions["Service"]["update"]>, SessionNotFound | Writing>>()
holds<Equal<Fails<Sessions["Service"]["promote"]>, SessionNotFound | ProjectNotFound | Writing>>()
holds<Equal<Fails<Sessions["Service"]["delete"]>, SessionNotFound | SessionBusy | Writing>>()
holds<Equal<Fails<Sessions["Service"]["touch"]>, never>>()

holds<Equal<Fails<Runs["Service"]["start"]>, Starting>>()
holds<Equal<Fails<Runs["Service"]["answer"]>, Starting>>()
holds<Equal<Fails<Runs["Service"]["get"]>, RunNotFound | Reading>>()
holds<Equal<Fails<Runs["Service"]["follow"]>, RunNotFound | Reading>>()
holds<Equal<Fails<Runs["Service"]["submit"]>, Starting>>()
holds<Equal<Fails<Runs["Service"]["followSession"]>, SessionNotFound | ValidationFailed | Reading>>()
holds<Equal<Fails<Runs["Service"]["interrupt"]>, SessionNotFound | SessionIdle | RunUnresponsive | Reading>>()

holds<
  Equal<
    Fails<Runs["Service"]["change"]>,
    Forbidden | SessionNotFound | SessionIdle | RunUnresponsive | RunChangeRefused | Reading
  >
>()
type Answering =
  | ApprovalNotFound
  | ApprovalAnswered
  | ApprovalOver
  | Forbidden
  | ValidationFailed
  | RunUnresponsive
  | Reading
  | Writing
holds<Equal<Fails<Approvals["Service"]["get"]>, ApprovalNotFound | Reading>>()
holds<Equal<Fails<Approvals["Service"]["list"]>, Reading>>()
holds<Equal<Fails<Approvals["Service"]["answer"]>, Answering>>()
holds<Equal<Fails<Approvals["Service"]["answerSession"]>, Answering | SessionNotFound | NothingToAnswer>>()
holds<Equal<Fails<SessionRules["Service"]["list"]>, SessionNotFound | Reading>>()
holds<
  Equal<
    Fails<SessionRules["Service"]["revoke"]>,
    SessionNotFound | SessionRuleNotFound | RunUnresponsive | Reading | Writing
  >
>()
// To ask cannot fail: what the database does not take ends the run.
holds<Equal<Fails<Effect.Success<ReturnType<typeof makeRunApprovals>>>, never>>()
holds<Equal<Fails<Budgets["Service"]["set"]>, TenantNotFound | ValidationFailed | Writing>>()
holds<Equal<Fails<Budgets["Service"]["allowance"]>, Writing>>()
holds<Equal<Fails<Runs["Service"]["interruptRun"]>, RunNotFound | RunOver | RunUnresponsive | Reading>>()

holds<Equal<Fails<ApiKeys["Service"]["authenticate"]>, Unauthorized | Writing>>()
holds<Equal<Fails<ApiKeys["Service"]["create"]>, Forbidden | Writing>>()
holds<Equal<Fails<ApiKeys["Service"]["revoke"]>, ApiKeyNotFound | Writing>>()
holds<Equal<Fails<Tenants["Service"]["create"]>, AlreadyExists | Writing>>()

// Which webhooks bind a run is known, or the run does not begin; to ask one cannot fail.
holds<Equal<Fails<Hooks["Service"]["of"]>, Writing>>()
holds<Equal<Fails<Effect.Success<ReturnType<Hooks["Service"]["of"]>>[number]["call"]>, never>>()
holds<Equal<Fails<Webhooks["Service"]["create"]>, ValidationFailed | ResourceLimitReached | Writing>>()
holds<Equal<Fails<Webhooks["Service"]["get"]>, WebhookNotFound | Reading>>()
holds<Equal<Fails<Webhooks["Service"]["update"]>, ValidationFailed | WebhookNotFound | SecretUnreadable | Writing>>()
holds<Equal<Fails<Webhooks["Service"]["rotate"]>, WebhookNotFound | SecretUnreadable | Writing>>()
holds<Equal<Fails<Webhooks["Service"]["delete"]>, WebhookNotFound | Writing>>()
holds<Equal<Fails<WebhookDeliveries["Service"]["list"]>, WebhookNotFound | Reading>>()
holds<Equal<Fails<WebhookDeliveries["Service"]["get"]>, DeliveryNotFound | Reading>>()
holds<
  Equal<
    Fails<WebhookDeliveries["Service"]["redeliver"]>,
    WebhookNotFound | DeliveryNotFound | WebhookDisabled | Writing
  >
>()
holds<Equal<Fails<WebhookDeliveries["Service"]["test"]>, WebhookNotFound | WebhookDisabled | Writing>>()
// To tell a webhook something cannot fail: what went wrong is what came of it.
holds<Equal<Fails<Effect.Success<ReturnType<typeof makeWebhookSending>>>, never>>()

holds<Equal<Fails<AgentRuntime["Service"]["start"]>, AgentProcessFailure | ModelCredentialsMissing>>()

type FollowedFrames = Effect.Success<ReturnType<Runs["Service"]["start"]>>["frames"]
holds<Equal<Stream.Error<FollowedFrames>, never>>()

declare const sessions: Sessions["Service"]
declare const parameters: Parameters<Sessions["Service"]["get"]>

// @ts-expect-error a failure that can happen is not silently lost
accepts<Effect.Effect<unknown, never>>(sessions.get(...parameters))

// @ts-expect-error nor is one of several
accepts<Effect.Effect<unknown, SessionNotFound>>(sessions.get(...parameters))
