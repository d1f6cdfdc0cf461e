import type * as AgentErrors from "./AgentErrors.ts"
import type * as ApprovalErrors from "./ApprovalErrors.ts"
import type * as BudgetErrors from "./BudgetErrors.ts"
import type * as HookErrors from "./HookErrors.ts"
import type * as ImageErrors from "./ImageErrors.ts"
import type * as McpErrors from "./McpErrors.ts"
import type * as CheckpointErrors from "./CheckpointErrors.ts"
import type * as MemoryErrors from "./MemoryErrors.ts"
import type * as ModelErrors from "./ModelErrors.ts"
import type * as OutboundErrors from "./OutboundErrors.ts"
import type * as RequestErrors from "./RequestErrors.ts"
import type * as ResourceErrors from "./ResourceErrors.ts"
import type * as SessionErrors from "./SessionErrors.ts"
import type * as StorageErrors from "./StorageErrors.ts"
import type * as WebhookErrors from "./WebhookErrors.ts"

/** How much a failure concerns the operator. It sets the level of its log line. */
export type Severity = "info" | "warning" | "error" | "critical"

/** Where a failure is seen. */
export type Surface = "response" | "event" | "prompt" | "log"

/** What is known of a failure before it happens. */
export interface CatalogueEntry {
  /** Unique; the label of metrics, log lines and alerts. */
  readonly error_id: string
  /** What clients switch on; several failures may share one. */
  readonly code: string
  readonly status: number
  readonly severity: Severity
  readonly shows: ReadonlyArray<Surface>
  /** What a client should do: send it again, again after a while, corrected, or not at all. */
  readonly retry: "retry" | "after" | "fix" | "no"
  /** The failure in a few words, the `title` of RFC 9457. */
  readonly cause: string
  readonly remedy: string
}

type Failures<Module> = {
  [Name in keyof Module]: Module[Name] extends new (...args: never) => infer Failure
    ? Extract<Failure, { readonly _tag: string }>
    : never
}[keyof Module]

/** Every failure that Causeway knows: the union of all classes in this folder. */
export type Failure =
  | Failures<typeof RequestErrors>
  | Failures<typeof StorageErrors>
  | Failures<typeof ResourceErrors>
  | Failures<typeof SessionErrors>
  | Failures<typeof MemoryErrors>
  | Failures<typeof AgentErrors>
  | Failures<typeof ApprovalErrors>
  | Failures<typeof BudgetErrors>
  | Failures<typeof HookErrors>
  | Failures<typeof WebhookErrors>
  | Failures<typeof CheckpointErrors>
  | Failures<typeof ModelErrors>
  | Failures<typeof McpErrors>
  | Failures<typeof OutboundErrors>
  | Failures<typeof ImageErrors>

/** The tag of a known failure. */
export type FailureTag = Failure["_tag"]

/** One entry per failure. A class without an entry, or an entry without a class, does not compile. */
export const catalogue = {
  Unauthorized: {
    error_id: "ERR_UNAUTHORIZED",
    code: "AUTHENTICATION_ERROR",
    status: 401,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The request has no API key, or one that is unknown or revoked.",
    remedy: "Send a valid key in X-API-Key or as Authorization: Bearer."
  },
  Forbidden: {
    error_id: "ERR_FORBIDDEN",
    code: "FORBIDDEN",
    status: 403,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The key lacks a scope.",
    remedy: "Use a key with the scope that details.scope names."
  },
  ValidationFailed: {
    error_id: "ERR_VALIDATION",
    code: "VALIDATION_ERROR",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "A path, query, header or body does not fit the API.",
    remedy: "Correct the places that details.issues lists."
  },
  DatetimeParse: {
    error_id: "ERR_DATETIME_PARSE",
    code: "VALIDATION_ERROR",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "A timestamp is not RFC 3339.",
    remedy: "Send it as in 2026-01-31T12:00:00.000Z."
  },
  RequestMalformed: {
    error_id: "ERR_REQUEST_MALFORMED",
    code: "BAD_REQUEST",
    status: 400,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The bytes on the connection are not HTTP.",
    remedy: "Send valid HTTP/1.1."
  },
  RequestTimedOut: {
    error_id: "ERR_REQUEST_TIMED_OUT",
    code: "REQUEST_TIMEOUT",
    status: 408,
    severity: "info",
    shows: ["response"],
    retry: "retry",
    cause: "The request did not arrive whole in time.",
    remedy: "Send it again, faster."
  },
  HeadersTooLarge: {
    error_id: "ERR_HEADERS_TOO_LARGE",
    code: "HEADERS_TOO_LARGE",
    status: 431,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The header section is over the limit.",
    remedy: "Send fewer or shorter headers."
  },
  PayloadTooLarge: {
    error_id: "ERR_PAYLOAD_TOO_LARGE",
    code: "PAYLOAD_TOO_LARGE",
    status: 413,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The body is over MAX_BODY_BYTES.",
    remedy: "Send less, or have the operator raise the limit."
  },
  UnsupportedMediaType: {
    error_id: "ERR_UNSUPPORTED_MEDIA_TYPE",
    code: "UNSUPPORTED_MEDIA_TYPE",
    status: 415,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The body is not application/json by its Content-Type.",
    remedy: "Set Content-Type: application/json."
  },
  RouteNotFound: {
    error_id: "ERR_ROUTE_NOT_FOUND",
    code: "NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such path.",
    remedy: "See /docs for what there is."
  },
  MethodNotAllowed: {
    error_id: "ERR_METHOD_NOT_ALLOWED",
    code: "METHOD_NOT_ALLOWED",
    status: 405,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The path exists with other methods.",
    remedy: "Use a method that Allow lists."
  },
  RateLimited: {
    error_id: "ERR_RATE_LIMITED",
    code: "RATE_LIMIT_EXCEEDED",
    status: 429,
    severity: "info",
    shows: ["response"],
    retry: "after",
    cause: "The tenant sends faster than it may.",
    remedy: "Wait as long as Retry-After says."
  },
  UpgradeRequired: {
    error_id: "ERR_UPGRADE_REQUIRED",
    code: "UPGRADE_REQUIRED",
    status: 426,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The path speaks WebSocket, and the request is no handshake of it.",
    remedy: "Open it with a WebSocket client; a proxy in between must pass Upgrade and Connection on."
  },
  OriginRefused: {
    error_id: "ERR_ORIGIN_REFUSED",
    code: "ORIGIN_NOT_ALLOWED",
    status: 403,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "A page of another origin tried to open a WebSocket.",
    remedy: "Name the page's origin in CORS_ORIGINS."
  },
  TooManySubscriptions: {
    error_id: "ERR_TOO_MANY_SUBSCRIPTIONS",
    code: "SUBSCRIPTION_LIMIT_EXCEEDED",
    status: 429,
    severity: "info",
    shows: ["event"],
    retry: "fix",
    cause: "A WebSocket follows as many runs and sessions as one may.",
    remedy: "Unsubscribe from some, or open another connection."
  },
  CapacityExceeded: {
    error_id: "ERR_CAPACITY_EXCEEDED",
    code: "CAPACITY_EXCEEDED",
    status: 429,
    severity: "warning",
    shows: ["response"],
    retry: "after",
    cause: "As many runs as allowed are going on.",
    remedy: "Wait as long as Retry-After says, or have the operator raise the limit."
  },
  TooManyStreams: {
    error_id: "ERR_TOO_MANY_STREAMS",
    code: "TOO_MANY_STREAMS",
    status: 429,
    severity: "warning",
    shows: ["response"],
    retry: "after",
    cause: "The tenant has as many event streams and WebSockets open on this instance as it may; no run was started.",
    remedy: "Close streams that nobody reads, or have the operator raise MAX_STREAMS_PER_TENANT."
  },
  InstanceOverloaded: {
    error_id: "ERR_INSTANCE_OVERLOADED",
    code: "CAPACITY_EXCEEDED",
    status: 503,
    severity: "warning",
    shows: ["response"],
    retry: "after",
    cause: "The machine has too little free memory for another agent, or too many agents were starting at once.",
    remedy: "Wait as long as Retry-After says. If it goes on, give the machine more, or add an instance."
  },
  ShuttingDown: {
    error_id: "ERR_SHUTTING_DOWN",
    code: "SERVICE_UNAVAILABLE",
    status: 503,
    severity: "info",
    shows: ["response"],
    retry: "after",
    cause: "The instance is about to stop.",
    remedy: "Try again: another instance, or this one after its restart, will answer."
  },
  IdempotencyMismatch: {
    error_id: "ERR_IDEMPOTENCY_MISMATCH",
    code: "IDEMPOTENCY_MISMATCH",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The Idempotency-Key was used before with another body.",
    remedy: "Use a new key for a new request."
  },
  Internal: {
    error_id: "ERR_INTERNAL",
    code: "INTERNAL_ERROR",
    status: 500,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "A bug.",
    remedy: "Report it with the request_id; its cause is in the log under that id."
  },
  DbUnavailable: {
    error_id: "ERR_DB_UNAVAILABLE",
    code: "DATABASE_UNAVAILABLE",
    status: 503,
    severity: "critical",
    shows: ["response"],
    retry: "after",
    cause: "No connection to PostgreSQL could be had.",
    remedy: "Try again later; the operator checks PostgreSQL and the size of the pool."
  },
  DbOperational: {
    error_id: "ERR_DB_OPERATIONAL",
    code: "DATABASE_UNAVAILABLE",
    status: 503,
    severity: "error",
    shows: ["response"],
    retry: "after",
    cause: "A statement failed for the server's sake: a lost connection, a time limit, resources.",
    remedy: "Try again; the operator checks PostgreSQL's log and load."
  },
  DbRefused: {
    error_id: "ERR_DB_REFUSED",
    code: "DATABASE_ERROR",
    status: 500,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "PostgreSQL refused a statement for a reason of its own, such as a missing right.",
    remedy: "The operator reads the log line of this request and mends the database's rights or schema."
  },
  AlreadyExists: {
    error_id: "ERR_ALREADY_EXISTS",
    code: "ALREADY_EXISTS",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "Something with this name exists.",
    remedy: "Choose another name, or use what exists."
  },
  SecretUnreadable: {
    error_id: "ERR_SECRET_UNREADABLE",
    code: "SECRET_UNREADABLE",
    status: 500,
    severity: "error",
    shows: ["response", "log"],
    retry: "no",
    cause: "A stored secret does not open with this ENCRYPTION_KEY, or was changed in the database.",
    remedy: "The operator restores the key; or whoever stored the secret stores it again."
  },
  RedisUnavailable: {
    error_id: "ERR_REDIS_UNAVAILABLE",
    code: "CACHE_UNAVAILABLE",
    status: 503,
    severity: "critical",
    shows: ["response"],
    retry: "after",
    cause: "Redis refused, timed out or went away in distributed mode.",
    remedy: "Try again later; the operator checks Redis. Reading goes on meanwhile."
  },
  CacheParseFailed: {
    error_id: "ERR_CACHE_PARSE_FAILED",
    code: "CACHE_PARSE_FAILED",
    status: 500,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "A cached value does not decode; it was removed and the database answered.",
    remedy: "Nothing; if it repeats, something else writes to this Redis."
  },
  SessionNotFound: {
    error_id: "ERR_SESSION_NOT_FOUND",
    code: "SESSION_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such session for this tenant.",
    remedy: "Check the id and the key's tenant."
  },
  RunNotFound: {
    error_id: "ERR_RUN_NOT_FOUND",
    code: "RUN_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such run for this tenant.",
    remedy: "Check the id and the key's tenant."
  },
  ApiKeyNotFound: {
    error_id: "ERR_API_KEY_NOT_FOUND",
    code: "API_KEY_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such API key in this tenant.",
    remedy: "List the keys to see their ids."
  },
  ResourceLimitReached: {
    error_id: "ERR_RESOURCE_LIMIT_REACHED",
    code: "LIMIT_REACHED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The tenant has as many things of this kind as it may.",
    remedy: "Delete some that are not needed."
  },
  ToolPresetNotFound: {
    error_id: "ERR_TOOL_PRESET_NOT_FOUND",
    code: "TOOL_PRESET_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such tool preset in this tenant.",
    remedy: "List the tool presets to see their names and ids."
  },
  ProjectNotFound: {
    error_id: "ERR_PROJECT_NOT_FOUND",
    code: "PROJECT_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such project in this tenant.",
    remedy: "List the projects to see their ids."
  },
  ProjectExists: {
    error_id: "ERR_PROJECT_EXISTS",
    code: "PROJECT_EXISTS",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "Another project of the tenant has this name or this workspace.",
    remedy: "Choose another, or use the project that exists."
  },
  SkillNotFound: {
    error_id: "ERR_SKILL_NOT_FOUND",
    code: "SKILL_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such skill in this tenant, or it is switched off.",
    remedy: "List the skills to see their names and ids."
  },
  SkillReadonly: {
    error_id: "ERR_SKILL_READONLY",
    code: "SKILL_READONLY",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The skill is a file in a workspace.",
    remedy: "Change the file, or make a skill of the same name: it goes before the file."
  },
  SlashCommandNotFound: {
    error_id: "ERR_SLASH_COMMAND_NOT_FOUND",
    code: "SLASH_COMMAND_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such slash command in this tenant.",
    remedy: "List the slash commands to see their ids."
  },
  SlashCommandReadonly: {
    error_id: "ERR_SLASH_COMMAND_READONLY",
    code: "SLASH_COMMAND_READONLY",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The slash command is a file in a workspace.",
    remedy: "Change the file, or make a slash command of the same name: it goes before the file."
  },
  AgentNotFound: {
    error_id: "ERR_AGENT_NOT_FOUND",
    code: "AGENT_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such agent in this tenant, or no such version of it.",
    remedy: "List the agents to see their names and ids."
  },
  AgentVersionConflict: {
    error_id: "ERR_AGENT_VERSION_CONFLICT",
    code: "AGENT_VERSION_CONFLICT",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The agent has changed since the version that the request names.",
    remedy: "Read the agent again and repeat the change on its latest version."
  },
  AgentShareNotFound: {
    error_id: "ERR_AGENT_SHARE_NOT_FOUND",
    code: "AGENT_SHARE_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "No share of an agent has this token or id: it is unknown, was taken back or has expired.",
    remedy: "Ask for a new token."
  },
  SessionBusy: {
    error_id: "ERR_SESSION_BUSY",
    code: "SESSION_BUSY",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "retry",
    cause: "A run of this session is going on.",
    remedy: "Wait for the run in details.run_id, or interrupt it."
  },
  QueueFull: {
    error_id: "ERR_QUEUE_FULL",
    code: "QUEUE_FULL",
    status: 429,
    severity: "info",
    shows: ["response"],
    retry: "after",
    cause: "As many runs wait for their turn as may, in this session or of this tenant.",
    remedy: "Wait until some have begun, interrupt some, or have the operator raise the limit."
  },
  RunOver: {
    error_id: "ERR_RUN_OVER",
    code: "RUN_NOT_ACTIVE",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The run has ended.",
    remedy: "Nothing to do: read how it ended."
  },
  SessionIdle: {
    error_id: "ERR_SESSION_IDLE",
    code: "SESSION_NOT_ACTIVE",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No run of this session is going on.",
    remedy: "Nothing to do: the run has ended."
  },
  NothingToAnswer: {
    error_id: "ERR_NOTHING_TO_ANSWER",
    code: "QUESTION_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "An answer was sent and no question of the session is open.",
    remedy: "Nothing to do: it was answered, or its run has ended."
  },
  ApprovalNotFound: {
    error_id: "ERR_APPROVAL_NOT_FOUND",
    code: "APPROVAL_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "No approval has this id, or it is another tenant's.",
    remedy: "Use the approval_id of a question or permission_request event."
  },
  ApprovalAnswered: {
    error_id: "ERR_APPROVAL_ANSWERED",
    code: "APPROVAL_ANSWERED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "Somebody has answered before.",
    remedy: "Read the approval: it says what was answered."
  },
  ApprovalOver: {
    error_id: "ERR_APPROVAL_OVER",
    code: "APPROVAL_EXPIRED",
    status: 410,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "The time for an answer is over, or the run has ended; details.status says which.",
    remedy: "Nothing to do: what was asked was refused."
  },
  SessionRuleNotFound: {
    error_id: "ERR_SESSION_RULE_NOT_FOUND",
    code: "SESSION_RULE_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "Nothing was allowed for this session under this id.",
    remedy: "List the session's rules: their ids are those of the approvals with which they were allowed."
  },
  CheckpointNotFound: {
    error_id: "ERR_CHECKPOINT_NOT_FOUND",
    code: "CHECKPOINT_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "The session has no such checkpoint.",
    remedy: "List the session's checkpoints."
  },
  CheckpointUnusable: {
    error_id: "ERR_CHECKPOINT_UNUSABLE",
    code: "INVALID_CHECKPOINT",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The checkpoint cannot give what is asked of it; details.reason says why.",
    remedy: "Choose another checkpoint, or restore the other part of this one."
  },
  SessionRewinding: {
    error_id: "ERR_SESSION_REWINDING",
    code: "SESSION_BUSY",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "retry",
    cause: "The session is being taken back to an earlier message.",
    remedy: "Try again in a moment; after two minutes at the latest, if its instance died over it."
  },
  WorkspaceTooLarge: {
    error_id: "ERR_WORKSPACE_TOO_LARGE",
    code: "WORKSPACE_TOO_LARGE",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "A checkpoint was asked for of a workspace that is larger than what may be kept.",
    remedy:
      "Work in a smaller directory, run without enable_file_checkpointing, or raise the limit that details.limit names (CHECKPOINT_MAX_FILES, CHECKPOINT_MAX_BYTES, CHECKPOINT_STORE_BYTES)."
  },
  CheckpointFailed: {
    error_id: "ERR_CHECKPOINT_FAILED",
    code: "CHECKPOINT_FAILED",
    status: 503,
    severity: "error",
    shows: ["response", "event"],
    retry: "after",
    cause: "The workspace could not be read, or the database did not take it; the agent was not started.",
    remedy: "See the log line's cause: rights in the workspace, or the database and its disk."
  },
  RewindFailed: {
    error_id: "ERR_REWIND_FAILED",
    code: "REWIND_FAILED",
    status: 500,
    severity: "error",
    shows: ["response"],
    retry: "retry",
    cause: "The workspace could not be brought back; details.changed says whether a part of it was.",
    remedy: "See the log line's cause, such as a full disk; then send the rewind again."
  },
  RunChangeRefused: {
    error_id: "ERR_RUN_CHANGE_REFUSED",
    code: "RUN_CHANGE_REFUSED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The run's agent does not take the permission mode or the model.",
    remedy: "bypassPermissions needs a run whose own key has that scope; a model must be one that the agent can use."
  },
  RunUnresponsive: {
    error_id: "ERR_RUN_UNRESPONSIVE",
    code: "RUN_UNRESPONSIVE",
    status: 503,
    severity: "warning",
    shows: ["response"],
    retry: "retry",
    cause: "The run's instance did not take an instruction in time.",
    remedy: "Look at the run's status and try again."
  },
  SessionCreateFailed: {
    error_id: "ERR_SESSION_CREATE_FAILED",
    code: "SESSION_CREATION_FAILED",
    status: 500,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "PostgreSQL refused the insert for a reason of its own.",
    remedy: "The operator mends the database's rights or schema."
  },
  SessionRetrievalFailed: {
    error_id: "ERR_SESSION_RETRIEVAL_FAILED",
    code: "SESSION_RETRIEVAL_FAILED",
    status: 500,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "PostgreSQL refused to read, or a stored row does not decode.",
    remedy: "The operator reads the log line of this request."
  },
  SessionPersistFailed: {
    error_id: "ERR_SESSION_PERSIST_FAILED",
    code: "SESSION_PERSIST_FAILED",
    status: 500,
    severity: "critical",
    shows: ["response", "event"],
    retry: "no",
    cause: "State could not be written after the agent had started.",
    remedy: "Keep details.unsaved_result: it was paid for and is stored nowhere. The operator checks PostgreSQL."
  },
  LeaseLost: {
    error_id: "ERR_LEASE_LOST",
    code: "LEASE_LOST",
    status: 503,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "The instance was cut off from PostgreSQL for longer than its lease, and another took the run over.",
    remedy: "Read the run again; the operator checks the network to PostgreSQL."
  },
  MemoryNotFound: {
    error_id: "ERR_MEMORY_NOT_FOUND",
    code: "MEMORY_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The tenant has no such memory.",
    remedy: "Check the id."
  },
  MemoryUnchanged: {
    error_id: "ERR_MEMORY_UNCHANGED",
    code: "MEMORY_UNCHANGED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No change of the memory is left to take back.",
    remedy: "Look at its history."
  },
  MemoryModelMissing: {
    error_id: "ERR_MEMORY_MODEL_MISSING",
    code: "MEMORY_MODEL_MISSING",
    status: 503,
    severity: "warning",
    shows: ["response"],
    retry: "fix",
    cause: "MEMORY_MODEL is not set, so nothing can be extracted from messages.",
    remedy: "Send text, or have the operator set MEMORY_MODEL."
  },
  MemoryModelFailed: {
    error_id: "ERR_MEMORY_MODEL_FAILED",
    code: "MEMORY_MODEL_FAILED",
    status: 502,
    severity: "error",
    shows: ["response", "log"],
    retry: "retry",
    cause: "The model that extracts memories did not answer, or answered something else.",
    remedy: "Try again; the operator checks MEMORY_MODEL and ANTHROPIC_BASE_URL."
  },
  EmbedderFailed: {
    error_id: "ERR_EMBEDDER_FAILED",
    code: "EMBEDDER_FAILED",
    status: 502,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "The embedder did not answer in time, or answered something else; memory was searched by words alone.",
    remedy: "The operator checks EMBEDDER_URL and EMBEDDER_MODEL."
  },
  MemoryUnavailable: {
    error_id: "ERR_MEMORY_UNAVAILABLE",
    code: "MEMORY_UNAVAILABLE",
    status: 503,
    severity: "warning",
    shows: ["prompt"],
    retry: "no",
    cause: "Memory could not be searched before a run.",
    remedy: "Nothing: the agent was told and went on."
  },
  MemoryInjectionFailed: {
    error_id: "ERR_MEMORY_INJECTION_FAILED",
    code: "MEMORY_INJECTION_FAILED",
    status: 500,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "Memories were found and could not be put into the prompt.",
    remedy: "The operator reads the log."
  },
  MemoryExtractFailed: {
    error_id: "ERR_MEMORY_EXTRACT_FAILED",
    code: "MEMORY_EXTRACTION_FAILED",
    status: 500,
    severity: "warning",
    shows: ["event"],
    retry: "no",
    cause: "What was learned could not be saved yet.",
    remedy: "Nothing: it is tried again. The run is fine."
  },
  McpListFailed: {
    error_id: "ERR_MCP_LIST_FAILED",
    code: "MCP_LIST_FAILED",
    status: 500,
    severity: "error",
    shows: ["response"],
    retry: "no",
    cause: "PostgreSQL refused to list the MCP servers.",
    remedy: "The operator reads the log line of this request."
  },
  McpServerNotFound: {
    error_id: "ERR_MCP_SERVER_NOT_FOUND",
    code: "MCP_SERVER_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The tenant and the installation have no MCP server of this name.",
    remedy: "GET /api/v1/mcp-servers lists those that there are."
  },
  McpServerExists: {
    error_id: "ERR_MCP_SERVER_EXISTS",
    code: "MCP_SERVER_EXISTS",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The tenant has an MCP server of this name.",
    remedy: "Choose another name, or change the server with PUT."
  },
  McpServerReadOnly: {
    error_id: "ERR_MCP_SERVER_READONLY",
    code: "MCP_SERVER_READONLY",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The MCP server stands in the file of the installation.",
    remedy: "Make one of the same name: it goes before the installation's."
  },
  TooManyMcpServers: {
    error_id: "ERR_TOO_MANY_MCP_SERVERS",
    code: "TOO_MANY_MCP_SERVERS",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "There are more MCP servers than MAX_MCP_SERVERS allows.",
    remedy: "Delete those that are not needed, or have the operator raise the limit."
  },
  McpShareNotFound: {
    error_id: "ERR_MCP_SHARE_NOT_FOUND",
    code: "MCP_SHARE_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No share of an MCP server has this token or id: it is unknown, was taken back or has expired.",
    remedy: "Ask for a new token."
  },
  McpResourceNotFound: {
    error_id: "ERR_MCP_RESOURCE_NOT_FOUND",
    code: "MCP_RESOURCE_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The MCP server says that it has no resource of this URI.",
    remedy: "GET /api/v1/mcp-servers/{name}/resources lists those that it has."
  },
  McpServerFailed: {
    error_id: "ERR_MCP_SERVER_FAILED",
    code: "MCP_SERVER_FAILED",
    status: 502,
    severity: "warning",
    shows: ["response"],
    retry: "retry",
    cause: "An MCP server was asked and did not answer well; details.reason says how.",
    remedy: "Mend the server or its configuration."
  },
  UrlRefused: {
    error_id: "ERR_URL_REFUSED",
    code: "URL_REFUSED",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "A URL leads to a loopback, private, link-local or otherwise reserved address.",
    remedy: "Use a public URL, or have the operator name the host in OUTBOUND_ALLOW."
  },
  UrlUnreachable: {
    error_id: "ERR_URL_UNREACHABLE",
    code: "URL_UNREACHABLE",
    status: 502,
    severity: "info",
    shows: ["response"],
    retry: "retry",
    cause: "What is at a URL could not be fetched; details.reason says why.",
    remedy: "Correct the URL, or try again."
  },
  TooManyImages: {
    error_id: "ERR_TOO_MANY_IMAGES",
    code: "TOO_MANY_IMAGES",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The request has more images than MAX_IMAGES.",
    remedy: "Send fewer, or have the operator raise the limit."
  },
  ImageTooLarge: {
    error_id: "ERR_IMAGE_TOO_LARGE",
    code: "IMAGE_TOO_LARGE",
    status: 413,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The images of a request have more bytes together than MAX_IMAGE_BYTES.",
    remedy: "Send smaller ones, or have the operator raise the limit."
  },
  ImageUnusable: {
    error_id: "ERR_IMAGE_UNUSABLE",
    code: "IMAGE_UNUSABLE",
    status: 422,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "An image is no JPEG, PNG, GIF or WebP, or not of the type that the request says.",
    remedy: "Send one of these types, in base64 or by its URL."
  },
  SdkMissing: {
    error_id: "ERR_SDK_MISSING",
    code: "SDK_MISSING",
    status: 500,
    severity: "critical",
    shows: ["response", "event"],
    retry: "no",
    cause: "The Claude Agent SDK or its binary is not installed.",
    remedy: "The operator runs npm ci without --omit=optional."
  },
  AgentNotExecutable: {
    error_id: "ERR_AGENT_NOT_EXECUTABLE",
    code: "AGENT_NOT_EXECUTABLE",
    status: 500,
    severity: "critical",
    shows: ["response", "event"],
    retry: "no",
    cause: "The agent's binary may not be executed, or is for another machine.",
    remedy: "The operator checks its mode and the mount options."
  },
  WorkspaceMissing: {
    error_id: "ERR_WORKSPACE_MISSING",
    code: "WORKSPACE_MISSING",
    status: 422,
    severity: "warning",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The working directory does not exist.",
    remedy: "Create it or name another."
  },
  AgentStartTimedOut: {
    error_id: "ERR_AGENT_START_TIMED_OUT",
    code: "AGENT_START_TIMEOUT",
    status: 504,
    severity: "error",
    shows: ["response"],
    retry: "retry",
    cause: "The agent's process was not ready within START_TIMEOUT.",
    remedy: "Try again; the operator looks at the machine's load."
  },
  AgentStartFailed: {
    error_id: "ERR_AGENT_START_FAILED",
    code: "AGENT_ERROR",
    status: 500,
    severity: "error",
    shows: ["response", "event"],
    retry: "no",
    cause: "The agent's process refused its options.",
    remedy: "The operator reads the log line of this run."
  },
  OutputFormatRefused: {
    error_id: "ERR_OUTPUT_FORMAT_REFUSED",
    code: "VALIDATION_ERROR",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "output_format.schema is not a JSON Schema that the agent can use.",
    remedy: "Correct what details.issue names."
  },
  AgentKilled: {
    error_id: "ERR_AGENT_KILLED",
    code: "AGENT_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The agent's process was killed from outside.",
    remedy: "Try again; the operator looks for the killer, often a memory limit."
  },
  AgentExited: {
    error_id: "ERR_AGENT_EXITED",
    code: "AGENT_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The agent's process ended in mid-turn.",
    remedy: "Try again; the operator reads the log line of this run."
  },
  AgentOutOfMemory: {
    error_id: "ERR_AGENT_OUT_OF_MEMORY",
    code: "AGENT_ERROR",
    status: 503,
    severity: "error",
    shows: ["response", "event"],
    retry: "after",
    cause: "The agent's process ran out of memory.",
    remedy: "Try again later; the operator adds memory or allows fewer runs at once."
  },
  AgentProtocolBroken: {
    error_id: "ERR_AGENT_PROTOCOL_BROKEN",
    code: "AGENT_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The agent's process wrote something unreadable.",
    remedy: "Try again; the operator checks that SDK and binary have one version."
  },
  InitParseFailed: {
    error_id: "ERR_INIT_PARSE_FAILED",
    code: "INIT_PARSE_FAILED",
    status: 502,
    severity: "error",
    shows: ["log"],
    retry: "no",
    cause: "The process's init message does not decode.",
    remedy: "The operator checks the SDK's version."
  },
  ResultParseFailed: {
    error_id: "ERR_RESULT_PARSE_FAILED",
    code: "RESULT_PARSE_FAILED",
    status: 502,
    severity: "error",
    shows: ["log"],
    retry: "no",
    cause: "The result message does not decode: cost and turns are unknown, and the run says so.",
    remedy: "The operator checks the SDK's version."
  },
  UuidTypeError: {
    error_id: "ERR_UUID_TYPE_ERROR",
    code: "INTERNAL_ERROR",
    status: 500,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "The SDK or a row gave something that is no UUID: a bug.",
    remedy: "Report it with the request_id."
  },
  TranscriptNotStored: {
    error_id: "ERR_TRANSCRIPT_NOT_STORED",
    code: "TRANSCRIPT_NOT_STORED",
    status: 503,
    severity: "error",
    shows: ["event"],
    retry: "no",
    cause: "A part of the conversation could not be stored while the agent went on.",
    remedy: "The session's transcript_complete is false: a later run may miss that part."
  },
  TranscriptUnreadable: {
    error_id: "ERR_TRANSCRIPT_UNREADABLE",
    code: "TRANSCRIPT_UNREADABLE",
    status: 503,
    severity: "error",
    shows: ["response", "event"],
    retry: "after",
    cause: "The stored conversation could not be read.",
    remedy: "Try again; the operator checks PostgreSQL."
  },
  TranscriptMissing: {
    error_id: "ERR_TRANSCRIPT_MISSING",
    code: "TRANSCRIPT_MISSING",
    status: 409,
    severity: "warning",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The session has no stored conversation to go on from.",
    remedy: "Start a new session."
  },
  RunTimedOut: {
    error_id: "ERR_RUN_TIMED_OUT",
    code: "RUN_TIMEOUT",
    status: 504,
    severity: "warning",
    shows: ["response", "event"],
    retry: "no",
    cause: "The run took longer than RUN_TIMEOUT.",
    remedy: "Ask for less at once, or have the operator raise the limit."
  },
  RunLost: {
    error_id: "ERR_RUN_LOST",
    code: "RUN_LOST",
    status: 503,
    severity: "error",
    shows: ["event"],
    retry: "no",
    cause: "The run's instance died in the middle of it.",
    remedy: "Check whether the tool call in details took effect, then resume the session."
  },
  RunInterrupted: {
    error_id: "ERR_RUN_INTERRUPTED",
    code: "RUN_INTERRUPTED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "no",
    cause: "Somebody interrupted the run.",
    remedy: "Resume the session if it should go on."
  },
  ModelCredentialsMissing: {
    error_id: "ERR_MODEL_CREDENTIALS_MISSING",
    code: "MODEL_CREDENTIALS_MISSING",
    status: 503,
    severity: "critical",
    shows: ["response"],
    retry: "no",
    cause: "The server has no credentials for a model.",
    remedy: "The operator sets ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL and the key that it wants, and restarts."
  },
  ModelUnauthorized: {
    error_id: "ERR_MODEL_UNAUTHORIZED",
    code: "MODEL_ERROR",
    status: 502,
    severity: "critical",
    shows: ["response", "event"],
    retry: "no",
    cause: "The model's service does not accept the server's credentials.",
    remedy: "The operator corrects ANTHROPIC_API_KEY."
  },
  ModelForbidden: {
    error_id: "ERR_MODEL_FORBIDDEN",
    code: "MODEL_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "no",
    cause: "The server's credentials may not use this model.",
    remedy: "Choose another model, or have the operator get access."
  },
  ModelNotFound: {
    error_id: "ERR_MODEL_NOT_FOUND",
    code: "MODEL_NOT_FOUND",
    status: 502,
    severity: "warning",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The model's service does not know the model.",
    remedy: "Correct the request's model or DEFAULT_MODEL."
  },
  ModelRequestRejected: {
    error_id: "ERR_MODEL_REQUEST_REJECTED",
    code: "MODEL_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "no",
    cause: "The model's service rejected a request of the agent.",
    remedy: "Change effort, thinking or model; the operator checks the endpoint."
  },
  ModelBillingFailed: {
    error_id: "ERR_MODEL_BILLING_FAILED",
    code: "MODEL_ERROR",
    status: 502,
    severity: "critical",
    shows: ["response", "event"],
    retry: "no",
    cause: "The account that pays for the model cannot.",
    remedy: "The operator adds credit."
  },
  PromptTooLong: {
    error_id: "ERR_PROMPT_TOO_LONG",
    code: "PROMPT_TOO_LONG",
    status: 502,
    severity: "warning",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The conversation is longer than the model takes.",
    remedy: "Start a new session or send less."
  },
  ModelRequestTooLarge: {
    error_id: "ERR_MODEL_REQUEST_TOO_LARGE",
    code: "MODEL_REQUEST_TOO_LARGE",
    status: 502,
    severity: "warning",
    shows: ["response", "event"],
    retry: "fix",
    cause: "A request to the model was too large.",
    remedy: "Send less, or smaller files."
  },
  ModelRateLimited: {
    error_id: "ERR_MODEL_RATE_LIMITED",
    code: "MODEL_RATE_LIMITED",
    status: 503,
    severity: "warning",
    shows: ["response", "event"],
    retry: "after",
    cause: "The model's service limits the rate.",
    remedy: "Try again later."
  },
  ModelOverloaded: {
    error_id: "ERR_MODEL_OVERLOADED",
    code: "MODEL_OVERLOADED",
    status: 503,
    severity: "warning",
    shows: ["response", "event"],
    retry: "after",
    cause: "The model is overloaded.",
    remedy: "Try again later."
  },
  ModelServerFailed: {
    error_id: "ERR_MODEL_SERVER_FAILED",
    code: "MODEL_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The model's service failed.",
    remedy: "Try again."
  },
  ModelUnreachable: {
    error_id: "ERR_MODEL_UNREACHABLE",
    code: "MODEL_UNREACHABLE",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The model's service cannot be reached.",
    remedy: "Try again; the operator checks the network and ANTHROPIC_BASE_URL."
  },
  ModelSilent: {
    error_id: "ERR_MODEL_SILENT",
    code: "MODEL_TIMEOUT",
    status: 504,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "Nothing came from the model within MODEL_IDLE_TIMEOUT.",
    remedy: "Try again."
  },
  ModelStreamCut: {
    error_id: "ERR_MODEL_STREAM_CUT",
    code: "MODEL_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The model's answer broke off, again and again.",
    remedy: "Try again."
  },
  ModelResponseInvalid: {
    error_id: "ERR_MODEL_RESPONSE_INVALID",
    code: "MODEL_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The model's service sent something that is no answer.",
    remedy: "Try again; the operator checks ANTHROPIC_BASE_URL."
  },
  ModelRefused: {
    error_id: "ERR_MODEL_REFUSED",
    code: "MODEL_REFUSED",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The model refused to answer.",
    remedy: "Ask differently."
  },
  MaxTokensReached: {
    error_id: "ERR_MAX_TOKENS_REACHED",
    code: "MAX_TOKENS_REACHED",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The model reached its output limit.",
    remedy: "Ask for less at once."
  },
  StructuredOutputMissing: {
    error_id: "ERR_STRUCTURED_OUTPUT_MISSING",
    code: "STRUCTURED_OUTPUT_VALIDATION_ERROR",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The model gave no answer in the form of output_format.",
    remedy: "Try again, or ask for a simpler form; what it said instead is in the result so far."
  },
  MaxTurnsReached: {
    error_id: "ERR_MAX_TURNS_REACHED",
    code: "MAX_TURNS_REACHED",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The run used all its turns.",
    remedy: "Raise max_turns and resume the session."
  },
  BudgetReached: {
    error_id: "ERR_BUDGET_REACHED",
    code: "BUDGET_REACHED",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The run used all its money.",
    remedy: "Raise max_budget_usd and resume the session."
  },
  SessionBudgetReached: {
    error_id: "ERR_SESSION_BUDGET_REACHED",
    code: "BUDGET_REACHED",
    status: 402,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "The session's runs have spent its budget.",
    remedy: "Raise the session's budget_usd and resume it."
  },
  TenantBudgetReached: {
    error_id: "ERR_TENANT_BUDGET_REACHED",
    code: "BUDGET_REACHED",
    status: 402,
    severity: "warning",
    shows: ["response", "event"],
    retry: "after",
    cause: "The tenant's runs have spent what it may spend in a day.",
    remedy: "Come back on the next day (UTC), or have the tenant's admin or the operator raise its budget."
  },
  TenantNotFound: {
    error_id: "ERR_TENANT_NOT_FOUND",
    code: "TENANT_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "There is no such tenant.",
    remedy: "Check the id against the list of tenants."
  },
  PromptDenied: {
    error_id: "ERR_PROMPT_DENIED",
    code: "PROMPT_DENIED",
    status: 422,
    severity: "info",
    shows: ["response", "event"],
    retry: "fix",
    cause: "A UserPromptSubmit hook denied the prompt.",
    remedy: "details.reason is what the hook said; ask for something else."
  },
  HookFailed: {
    error_id: "ERR_HOOK_FAILED",
    code: "HOOK_ERROR",
    status: 502,
    severity: "warning",
    shows: ["event", "log"],
    retry: "fix",
    cause: "A hook's endpoint gave no answer that counts; details.reason says why.",
    remedy: "Mend the endpoint. Until then the tool calls that it is asked about are refused."
  },
  WebhookNotFound: {
    error_id: "ERR_WEBHOOK_NOT_FOUND",
    code: "WEBHOOK_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "No such webhook in this tenant.",
    remedy: "List the webhooks to see their ids."
  },
  DeliveryNotFound: {
    error_id: "ERR_DELIVERY_NOT_FOUND",
    code: "DELIVERY_NOT_FOUND",
    status: 404,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The webhook was told nothing of this id, or longer than WEBHOOK_RETENTION ago.",
    remedy: "List the webhook's deliveries to see their ids."
  },
  WebhookDisabled: {
    error_id: "ERR_WEBHOOK_DISABLED",
    code: "WEBHOOK_DISABLED",
    status: 409,
    severity: "info",
    shows: ["response"],
    retry: "fix",
    cause: "The webhook is disabled, so nothing can be sent to it.",
    remedy: "Enable it first: PATCH /api/v1/webhooks/{id} with enabled true."
  },
  DeliveryFailed: {
    error_id: "ERR_DELIVERY_FAILED",
    code: "DELIVERY_FAILED",
    status: 502,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "A webhook's endpoint did not answer with 2xx in time.",
    remedy:
      "Nothing yet: it is told again as WEBHOOK_RETRIES says. The line's reason and status say what was wrong with the answer."
  },
  DeliveryDead: {
    error_id: "ERR_DELIVERY_DEAD",
    code: "DELIVERY_FAILED",
    status: 502,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "A webhook's endpoint did not answer with 2xx at the last attempt either.",
    remedy:
      "When the endpoint is mended: POST /api/v1/webhooks/{id}/deliveries/{delivery}/redeliver. Dead ones are listed with status=dead."
  },
  WebhookGone: {
    error_id: "ERR_WEBHOOK_GONE",
    code: "WEBHOOK_GONE",
    status: 410,
    severity: "warning",
    shows: ["log"],
    retry: "no",
    cause: "A webhook's endpoint answered with 410, so the webhook was disabled.",
    remedy: "Delete it, or give it another URL and enable it; what it was not told then is sent."
  },
  AgentTurnFailed: {
    error_id: "ERR_AGENT_TURN_FAILED",
    code: "AGENT_ERROR",
    status: 502,
    severity: "error",
    shows: ["response", "event"],
    retry: "retry",
    cause: "The agent gave up for the reason in details.",
    remedy: "Try again; the operator reads the log line of this run."
  }
} as const satisfies { readonly [Tag in FailureTag]: CatalogueEntry }

/** The catalogue's entry of a failure. */
export const entryOf = (tag: FailureTag): CatalogueEntry => catalogue[tag]

/** Whether a tag is one of the catalogue's. */
export const isFailureTag = (tag: string): tag is FailureTag => Object.hasOwn(catalogue, tag)
