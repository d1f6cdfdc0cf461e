// The boundary alone is under test here: small services stand in for the real ones, behind a real HTTP server.
import { DateTime, Effect, Layer, Redacted, Stream } from "effect"
import { ApiKey, ApiKeyHash, ApiKeyId, type ApiKeyScope, Principal } from "../../src/domain/ApiKey.ts"
import { McpServerNotFound, McpShareNotFound } from "../../src/domain/errors/McpErrors.ts"
import { Unauthorized } from "../../src/domain/errors/RequestErrors.ts"
import { RunNotFound, SessionIdle, SessionNotFound } from "../../src/domain/errors/SessionErrors.ts"
import { DbUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import { InstanceId, Run, RunId, Sequence } from "../../src/domain/Run.ts"
import { Session, SessionId } from "../../src/domain/Session.ts"
import { type InstanceSettings, Settings } from "../../src/domain/Settings.ts"
import { Tenant, TenantId } from "../../src/domain/Tenant.ts"
import { Admission } from "../../src/services/Admission.ts"
import { Agents } from "../../src/services/Agents.ts"
import { AgentShares } from "../../src/services/AgentShares.ts"
import { ApiKeys } from "../../src/services/ApiKeys.ts"
import { Budgets } from "../../src/services/Budgets.ts"
import { Approvals } from "../../src/services/Approvals.ts"
import { Checkpoints } from "../../src/services/Checkpoints.ts"
import { makeFrame } from "../../src/services/Frame.ts"
import { Memories } from "../../src/services/Memories.ts"
import { MemoryLearning } from "../../src/services/MemoryLearning.ts"
import { MemoryPreferences } from "../../src/services/MemoryPreferences.ts"
import { Projects } from "../../src/services/Projects.ts"
import { McpInquiries } from "../../src/services/McpInquiries.ts"
import { McpServers } from "../../src/services/McpServers.ts"
import { McpShares } from "../../src/services/McpShares.ts"
import { RateLimits } from "../../src/services/RateLimits.ts"
import { Readiness } from "../../src/services/Readiness.ts"
import { Runs } from "../../src/services/Runs.ts"
import { SessionRules } from "../../src/services/SessionRules.ts"
import { Sessions } from "../../src/services/Sessions.ts"
import { Skills } from "../../src/services/Skills.ts"
import { SlashCommands } from "../../src/services/SlashCommands.ts"
import { Tenants } from "../../src/services/Tenants.ts"
import { ToolPresets } from "../../src/services/ToolPresets.ts"
import { WebhookDeliveries } from "../../src/services/WebhookDeliveries.ts"
import { Webhooks } from "../../src/services/Webhooks.ts"
import { WebSocketTickets } from "../../src/services/WebSocketTickets.ts"

export const sessionId = SessionId.make("01890000-0000-7000-8000-000000000001")
export const runId = RunId.make("01890000-0000-7000-8000-000000000002")
export const keyId = ApiKeyId.make("01890000-0000-7000-8000-000000000003")
const tenantId = TenantId.make("01890000-0000-7000-8000-000000000004")
const now = DateTime.makeUnsafe("2026-01-31T12:00:00.000Z")

const scopes: Record<string, ReadonlyArray<ApiKeyScope>> = {
  "key-query": ["query"],
  "key-all": ["query", "admin", "operator", "bypass_permissions", "expand_prompt"]
}

export const session = new Session({
  id: sessionId,
  status: "completed",
  mode: "code",
  title: null,
  model: null,
  tags: [],
  metadata: {},
  project_id: null,
  parent_session_id: null,
  created_at: now,
  updated_at: now,
  last_message_at: null,
  total_turns: 0,
  budget_usd: null,
  total_cost_usd: 0,
  cost_unknown: false,
  transcript_complete: true
})

export const run = new Run({
  id: runId,
  session_id: sessionId,
  status: "completed",
  model: "m",
  created_at: now,
  ended_at: now,
  start_seq: Sequence.make(0),
  last_seq: Sequence.make(2),
  num_turns: 1,
  total_cost_usd: 0.5,
  cost_unknown: false,
  usage: null,
  model_usage: null,
  duration_ms: 10,
  error: null
})

const apiKey = new ApiKey({ id: keyId, name: "k", scopes: ["query"], created_at: now, revoked_at: null })

/** `key-down` is a key whose lookup finds no database; all but the keys above are unknown. */
const principalOf = (key: string) => {
  const granted = scopes[key]
  if (key === "key-down")
    return Effect.fail(new DbUnavailable({ operation: "authenticate", cause: new Error("ECONNREFUSED 10.0.0.5") }))
  if (granted === undefined) return Effect.fail(new Unauthorized({ reason: "invalid" }))
  return Effect.succeed(
    new Principal({
      tenant_id: tenantId,
      api_key_id: keyId,
      api_key_hash: ApiKeyHash.make("a".repeat(64)),
      scopes: granted
    })
  )
}

export const frames = [
  makeFrame({ run_id: runId, seq: Sequence.make(1), event: "init", data: `{"session_id":"${sessionId}"}` }),
  makeFrame({ run_id: runId, seq: Sequence.make(2), event: "done", data: `{"reason":"completed"}` })
]

export const followed = { run, after: Sequence.make(0), frames: Stream.fromIterable(frames) }

export const settings: InstanceSettings = {
  instanceId: InstanceId.make("test"),
  version: "0.0.0-test",
  defaultModel: "m",
  workspaceRoots: [],
  environmentAllowed: [],
  maxPromptLength: 1000,
  maxImages: 20,
  maxImageBytes: 1_000_000,
  maxMcpServers: 20,
  shareLife: 60_000,
  maxRuns: 1,
  maxRunsPerTenant: 1,
  maxQueuedPerSession: 1,
  maxQueuedPerTenant: 1,
  maxStarts: 1,
  startWait: 1000,
  memoryReserve: 0,
  startTimeout: 1000,
  runTimeout: 1000,
  appendTimeout: 1000,
  disconnectGrace: 1000,
  approvalExpiry: 60_000,
  approvalHold: 60_000,
  shutdownGrace: 500,
  appendBufferBytes: 1000,
  readerBufferBytes: 1000,
  checkpointFiles: 1000,
  checkpointBytes: 1000,
  checkpointStoreBytes: 1000,
  memory: { recallLimit: 10, recallTokens: 1500, recallTimeout: 300 },
  logPrompts: true
}

export const apiKeys: typeof ApiKeys.Service = {
  authenticate: (secret) => principalOf(Redacted.value(secret)),
  confirm: (principal) => Effect.succeed(principal),
  create: () => Effect.succeed({ apiKey, secret: Redacted.make("secret") }),
  createFor: () => Effect.succeed({ apiKey, secret: Redacted.make("secret") }),
  list: () => Effect.succeed({ items: [apiKey], next: { created_at: "2026-01-31 12:00:00.123456+00", id: keyId } }),
  revoke: () => Effect.succeed(apiKey)
}

export const sessions: typeof Sessions.Service = {
  get: (_, id) => (id === sessionId ? Effect.succeed(session) : Effect.fail(new SessionNotFound({ session_id: id }))),
  list: () => Effect.succeed({ items: [session], next: null }),
  update: () => Effect.succeed(session),
  promote: () => Effect.succeed(session),
  delete: () => Effect.void,
  touch: () => Effect.void,
  messages: () => Effect.succeed({ messages: [], next: null })
}

export const runs: typeof Runs.Service = {
  start: () => Effect.succeed(followed),
  submit: () => Effect.succeed(run),
  answer: () => Effect.die(new Error("not under test")),
  get: (_, id) => (id === runId ? Effect.succeed(run) : Effect.fail(new RunNotFound({ run_id: id }))),
  follow: (_, _id, after) => Effect.succeed(after === 2 ? null : followed),
  followSession: () => Effect.succeed(null),
  interrupt: (_, id) => Effect.fail(new SessionIdle({ session_id: id })),
  change: (_, id) => Effect.fail(new SessionIdle({ session_id: id })),
  interruptRun: (_, id) => Effect.fail(new RunNotFound({ run_id: id })),
  drain: () => Effect.void
}

export const tenants: typeof Tenants.Service = {
  create: (name) =>
    Effect.succeed({
      tenant: new Tenant({ id: tenantId, name, created_at: now }),
      issued: { apiKey, secret: Redacted.make("secret") }
    }),
  list: () => Effect.succeed({ items: [], next: null })
}

export const webSocketTickets: typeof WebSocketTickets.Service = {
  issue: () => Effect.succeed({ ticket: Redacted.make("ticket"), expires_at: now }),
  redeem: () => Effect.fail(new Unauthorized({ reason: "invalid" }))
}

const admission: typeof Admission.Service = {
  check: () => Effect.void,
  enter: () => Effect.void,
  startTurn: Effect.succeed(Effect.void),
  startTurnSoon: Effect.succeed(Effect.void),
  shut: Effect.void,
  isShut: Effect.succeed(false)
}

export const readiness: typeof Readiness.Service = {
  health: Effect.succeed({
    postgres: { status: "ok", latency_ms: 1 },
    redis: { status: "off" },
    agent: { status: "ok" }
  }),
  missing: Effect.succeed([])
}

const notUnderTest = () => Effect.die(new Error("not under test"))

const mcpServers: typeof McpServers.Service = {
  list: () => Effect.succeed({ items: [], next: null }),
  create: notUnderTest,
  find: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  update: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  delete: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  checkOwn: () => Effect.void
}

const mcpInquiries: typeof McpInquiries.Service = {
  get: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  resources: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  read: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name }))
}

const mcpShares: typeof McpShares.Service = {
  share: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  list: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  revoke: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  revokeAll: (_, name) => Effect.fail(new McpServerNotFound({ mcp_server: name })),
  find: () => Effect.fail(new McpShareNotFound())
}

/** All services, some of them replaced. */
export const servicesLayer = (replaced: {
  readonly sessions?: Partial<typeof Sessions.Service>
  readonly runs?: Partial<typeof Runs.Service>
  readonly readiness?: Partial<typeof Readiness.Service>
}) =>
  Layer.mergeAll(
    Layer.succeed(ApiKeys, apiKeys),
    Layer.succeed(Sessions, { ...sessions, ...replaced.sessions }),
    Layer.succeed(Runs, { ...runs, ...replaced.runs }),
    Layer.succeed(McpServers, mcpServers),
    Layer.succeed(McpInquiries, mcpInquiries),
    Layer.succeed(McpShares, mcpShares),
    Layer.succeed(Tenants, tenants),
    Layer.mock(Budgets, {}),
    Layer.mock(Memories, {}),
    Layer.mock(MemoryLearning, { configured: false }),
    Layer.mock(MemoryPreferences, {}),
    Layer.mock(Projects, {}),
    Layer.mock(Agents, {}),
    Layer.mock(AgentShares, {}),
    Layer.mock(Skills, {}),
    Layer.mock(SlashCommands, {}),
    Layer.mock(ToolPresets, {}),
    Layer.mock(Approvals, {}),
    Layer.mock(SessionRules, {}),
    Layer.mock(Checkpoints, {}),
    Layer.mock(Webhooks, {}),
    Layer.mock(WebhookDeliveries, {}),
    Layer.succeed(WebSocketTickets, webSocketTickets),
    Layer.succeed(Admission, admission),
    Layer.succeed(Readiness, { ...readiness, ...replaced.readiness }),
    Layer.succeed(RateLimits, { count: () => Effect.succeed({ limits: [], wait: null }) }),
    Layer.succeed(Settings, settings)
  )
