// The log by itself: runs that append, readers that follow, and nothing else in the process.
// The environment says how many of each; lines of JSON on the standard output say what came of it.
import { Effect, Layer, Redacted, Schema, Stream } from "effect"
import { randomBytes, randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import * as MemoryDoorbell from "../../src/cache/MemoryDoorbell.ts"
import { ApiKeyHash, ApiKeyId } from "../../src/domain/ApiKey.ts"
import { InstanceId, RunId } from "../../src/domain/Run.ts"
import type { RunEvent } from "../../src/domain/RunEvent.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { Settings } from "../../src/domain/Settings.ts"
import { TenantId } from "../../src/domain/Tenant.ts"
import { RunLog } from "../../src/services/RunLog.ts"
import { DatabaseLimits } from "../../src/storage/DatabaseLimits.ts"
import * as Migrations from "../../src/storage/Migrations.ts"
import { MemoryJobRepository } from "../../src/storage/MemoryJobRepository.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"
import { TenantRepository } from "../../src/storage/TenantRepository.ts"
import { LogLoad, LogLoadResult } from "../LogLoad.ts"
import { quantile } from "../Statistics.ts"

const { databaseUrl, perSecond, readers, runs, seconds, warmUpSeconds } = Schema.decodeUnknownSync(
  Schema.fromJsonString(LogLoad)
)(process.env["LOG_LOAD"])

const owner = InstanceId.make("benchmark")

/** The settings are the service's own, where the log reads any. */
const settings = Layer.succeed(Settings, {
  instanceId: owner,
  version: "",
  defaultModel: "",
  workspaceRoots: [],
  environmentAllowed: [],
  maxPromptLength: 0,
  maxImages: 20,
  maxImageBytes: 1_000_000,
  maxMcpServers: 20,
  shareLife: 60_000,
  maxRuns: runs,
  maxRunsPerTenant: runs,
  maxQueuedPerSession: 0,
  maxQueuedPerTenant: 0,
  maxStarts: 1,
  startWait: 0,
  memoryReserve: 0,
  startTimeout: 0,
  runTimeout: 0,
  appendTimeout: 10_000,
  disconnectGrace: 0,
  approvalExpiry: 60_000,
  approvalHold: 60_000,
  shutdownGrace: 0,
  appendBufferBytes: 4_194_304,
  readerBufferBytes: 1_048_576,
  memory: { recallLimit: 10, recallTokens: 1500, recallTimeout: 300 },
  checkpointFiles: 1,
  checkpointBytes: 1,
  checkpointStoreBytes: 1,
  logPrompts: false
})

const limits = Layer.succeed(DatabaseLimits, {
  connect: 3000,
  statement: 5000,
  call: 5000,
  renewal: 2000,
  poolSize: 10
})

const services = RunLog.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(MemoryJobRepository.layer, RunEventRepository.layer, RunRepository.layer, TenantRepository.layer)
  ),
  Layer.provide(Migrations.layer),
  Layer.provide(ServerDatabase.layer({ url: Redacted.make(databaseUrl), applicationName: "causeway-bench" })),
  Layer.provide([settings, limits, MemoryDoorbell.layer])
)

/** What the agent says most often. */
const delta: RunEvent = {
  event: "partial",
  data: {
    type: "content_block_delta",
    index: 0,
    delta: { type: "text_delta", text: "a few words of text " },
    parent_tool_use_id: null
  }
}

const newKeyHash = () => ApiKeyHash.make(randomBytes(32).toString("hex"))

const makeTenant = Effect.gen(function* () {
  const tenants = yield* TenantRepository
  const id = TenantId.make(randomUUID())
  const key = { id: ApiKeyId.make(randomUUID()), tenant_id: id, name: "benchmark", hash: newKeyHash() }
  yield* tenants.create(id, id, { ...key, scopes: ["query"] })
  return id
})

const startRun = Effect.fnUntraced(function* (tenant_id: TenantId) {
  const started = yield* (yield* RunRepository).start({
    tenant_id,
    run_id: RunId.make(randomUUID()),
    place: {
      _tag: "New",
      session_id: SessionId.make(randomUUID()),
      mode: "code",
      title: null,
      tags: [],
      metadata: {},
      cwd: "/workspaces/one",
      project_id: null,
      budget_usd: null
    },
    owner,
    lease_ms: 3_600_000,
    model: "claude-opus-5-5",
    options: {},
    prompt_preview: "",
    api_key_hash: newKeyHash(),
    request_id: "benchmark",
    order: "",
    on_disconnect: "continue",
    on_crash: "end",
    may_start: true,
    queue: null,
    idempotency: null
  })
  return started._tag === "Started" ? started : yield* Effect.die(new Error(`The run did not start: ${started._tag}`))
})

/** When each event of a run was due, by its number, and how late its readers got it. */
class Timing {
  readonly due: Array<number> = []
  delays: Array<number> = []
  stored = 0
  delivered = 0

  forget(): void {
    this.delays = []
    this.stored = 0
    this.delivered = 0
  }
}

const paced = perSecond !== null

const program = Effect.gen(function* () {
  const log = yield* RunLog
  const tenant = yield* makeTenant
  const timings: Array<Timing> = []
  const appends: Array<(due: number) => Effect.Effect<void>> = []

  for (let index = 0; index < runs; index++) {
    const { lease, run } = yield* startRun(tenant)
    const subject = { tenant_id: tenant, session_id: run.session_id, run_id: run.id }
    const writer = log.open(subject, lease, run.start_seq)
    const timing = new Timing()
    timings.push(timing)
    appends.push((due) =>
      Effect.suspend(() => {
        if (paced) timing.due.push(due)
        return Effect.orDie(writer.append(delta))
      })
    )
    for (let reader = 0; reader < readers; reader++) {
      yield* log.follow(subject, run.start_seq).pipe(
        Stream.runForEachArray((frames) =>
          Effect.sync(() => {
            timing.delivered += frames.length
            if (reader > 0) return
            timing.stored += frames.length
            if (!paced) return
            const now = performance.now()
            for (const { seq } of frames) timing.delays.push(now - (timing.due[(seq ?? 0) - run.start_seq - 1] ?? now))
          })
        ),
        Effect.forkScoped
      )
    }
  }

  if (perSecond === null) {
    for (const append of appends) yield* Effect.forkScoped(Effect.forever(append(0)))
  } else {
    const pace = Effect.gen(function* () {
      const started = performance.now()
      for (let sent = 0; ;) {
        const target = Math.floor(((performance.now() - started) * perSecond) / 1000)
        for (; sent < target; sent++) {
          const append = appends[sent % runs]
          if (append !== undefined) yield* append(started + ((sent + 1) * 1000) / perSecond)
        }
        yield* Effect.promise(() => sleep(1))
      }
    })
    yield* Effect.forkScoped(pace)
  }

  yield* Effect.sleep(warmUpSeconds * 1000)
  for (const timing of timings) timing.forget()
  const started = performance.now()
  const cpuBefore = process.cpuUsage()
  process.stdout.write("measuring\n")
  yield* Effect.sleep(seconds * 1000)
  const cpu = process.cpuUsage(cpuBefore)
  const elapsed = (performance.now() - started) / 1000
  const total = (of: (timing: Timing) => number) => timings.reduce((sum, timing) => sum + of(timing), 0)
  const stored = total(({ stored }) => stored)
  const delays = timings.flatMap(({ delays }) => delays)
  const result: typeof LogLoadResult.Type = {
    storedPerSecond: stored / elapsed,
    deliveredPerSecond: total(({ delivered }) => delivered) / elapsed,
    stored,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    delayP50: paced ? quantile(delays, 0.5) : null,
    delayP99: paced ? quantile(delays, 0.99) : null
  }
  process.stdout.write(`result ${JSON.stringify(result)}\n`)
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(services)))
process.exit(0)
