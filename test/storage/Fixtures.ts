import { assert } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { randomBytes } from "node:crypto"
import { ApiKeyHash, ApiKeyId } from "../../src/domain/ApiKey.ts"
import { InstanceId, type Lease, RunId, Sequence } from "../../src/domain/Run.ts"
import type { RunEventName } from "../../src/domain/RunEvent.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { TenantId } from "../../src/domain/Tenant.ts"
import type { NewApiKey } from "../../src/storage/ApiKeyRepository.ts"
import type { LogRecord } from "../../src/storage/RunEventRepository.ts"
import type { NewRun, RunPlace } from "../../src/storage/NewRun.ts"
import type { RunEnd } from "../../src/storage/RunEnd.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { TenantRepository } from "../../src/storage/TenantRepository.ts"

export const newTenantId = () => TenantId.make(crypto.randomUUID())
export const newSessionId = () => SessionId.make(crypto.randomUUID())
export const newRunId = () => RunId.make(crypto.randomUUID())
export const instance = (name: string) => InstanceId.make(name)
export const seq = (number: number) => Sequence.make(number)
export const newKeyHash = () => ApiKeyHash.make(randomBytes(32).toString("hex"))
export const newApiKey = (tenant_id: TenantId, name = "key"): NewApiKey => ({
  id: ApiKeyId.make(crypto.randomUUID()),
  tenant_id,
  name,
  hash: newKeyHash(),
  scopes: ["query"]
})

export const thisInstance = instance("this")
export const otherInstance = instance("other")

/** A tenant of its own for a test, so that tests do not see each other's rows. */
export const newTenant = Effect.gen(function* () {
  const tenants = yield* TenantRepository
  const id = newTenantId()
  yield* tenants.create(id, id, newApiKey(id))
  return id
})

export const newSession = (overrides: Partial<Extract<RunPlace, { _tag: "New" }>> = {}): RunPlace => ({
  _tag: "New",
  session_id: newSessionId(),
  mode: "code",
  title: null,
  tags: [],
  metadata: {},
  cwd: "/workspaces/one",
  project_id: null,
  budget_usd: null,
  ...overrides
})

export const existing = (session_id: SessionId): RunPlace => ({ _tag: "Existing", session_id })

export const forkOf = (parent_session_id: SessionId): RunPlace => ({
  _tag: "Fork",
  session_id: newSessionId(),
  parent_session_id
})

export const newRun = (tenant_id: TenantId, place: RunPlace, overrides: Partial<NewRun> = {}): NewRun => ({
  tenant_id,
  run_id: newRunId(),
  place,
  owner: thisInstance,
  lease_ms: 60_000,
  model: "claude-test",
  options: { max_turns: 3 },
  order: "sealed",
  on_disconnect: "cancel",
  on_crash: "end",
  may_start: true,
  queue: null,
  prompt_preview: "Say hello",
  api_key_hash: newKeyHash(),
  request_id: "request",
  idempotency: null,
  ...overrides
})

/** Starts a run that must start. */
export const started = Effect.fnUntraced(function* (
  tenant: TenantId,
  place: RunPlace,
  overrides: Partial<NewRun> = {}
) {
  const runs = yield* RunRepository
  const start = yield* runs.start(newRun(tenant, place, overrides))
  if (start._tag !== "Started") return assert.fail(`not started: ${start._tag}`)
  return start
})

export const record = (
  tenant_id: TenantId,
  lease: Lease,
  number: number,
  data: Schema.Json = { number },
  event: RunEventName = "message"
): LogRecord => ({
  tenant_id,
  session_id: lease.session_id,
  run_id: lease.run_id,
  seq: seq(number),
  event,
  data: JSON.stringify(data)
})

export const records = (tenant: TenantId, lease: Lease, from: number, to: number): ReadonlyArray<LogRecord> =>
  Array.from({ length: to - from + 1 }, (_, index) => record(tenant, lease, from + index))

export const completed: RunEnd = {
  status: "completed",
  session_status: "completed",
  transcript_complete: true,
  num_turns: 2,
  total_cost_usd: 0.25,
  cost_unknown: false,
  usage: { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: 3, cache_creation_input_tokens: 4 },
  model_usage: null,
  duration_ms: 1000,
  error: null
}

/** Runs a session's next turn to its end, with so many events. */
export const finishedRun = Effect.fnUntraced(function* (tenant: TenantId, place: RunPlace, events: number) {
  const runs = yield* RunRepository
  const { lease, run } = yield* started(tenant, place)
  const from = run.start_seq + 1
  assert.isTrue(yield* runs.finish(lease, records(tenant, lease, from, from + events - 1), completed))
  return lease
})
