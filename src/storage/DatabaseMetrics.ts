import { Effect, type Fiber, Metric } from "effect"

/** The repositories of what tenants keep under names: they have the same methods. */
const namedRepositories = [
  "AgentRepository",
  "ProjectRepository",
  "SkillRepository",
  "SlashCommandRepository",
  "ToolPresetRepository"
] as const
export type NamedRepository = (typeof namedRepositories)[number]

const namedOperations = namedRepositories.flatMap((repository) =>
  (["create", "delete", "find", "findNamed", "list", "update"] as const).map(
    (method) => `${repository}.${method}` as const
  )
)

/** The repositories of shares: they have the same methods. */
const shareRepositories = ["AgentShareRepository", "McpShareRepository"] as const
export type ShareRepository = (typeof shareRepositories)[number]

const shareOperations = shareRepositories.flatMap((repository) =>
  (["create", "find", "list", "revoke", "revokeAll"] as const).map((method) => `${repository}.${method}` as const)
)

/** What is asked of the database, by the names under which it is measured: the methods of the repositories. */
export const databaseOperations = [
  "AgentRepository.findVersion",
  "AgentRepository.versions",
  "ApiKeyRepository.create",
  "ApiKeyRepository.ensureOperator",
  "ApiKeyRepository.findPrincipal",
  "ApiKeyRepository.list",
  "ApiKeyRepository.revoke",
  "ApprovalRepository.abandon",
  "ApprovalRepository.deliver",
  "ApprovalRepository.delivery",
  "ApprovalRepository.due",
  "ApprovalRepository.expire",
  "ApprovalRepository.find",
  "ApprovalRepository.findPending",
  "ApprovalRepository.list",
  "ApprovalRepository.settle",
  "ApprovalRepository.settled",
  "ApprovalRepository.standing",
  "ApprovalRepository.withdraw",
  "BudgetRepository.allowance",
  "BudgetRepository.find",
  "BudgetRepository.set",
  "CheckpointRepository.find",
  "CheckpointRepository.latest",
  "CheckpointRepository.list",
  "CheckpointRepository.readParts",
  "CheckpointRepository.save",
  "CheckpointRepository.storedBytes",
  "CheckpointRepository.storeParts",
  "DatabaseProbe.ping",
  "MemoryEmbeddingRepository.claim",
  "MemoryEmbeddingRepository.forgetOthers",
  "MemoryEmbeddingRepository.nearest",
  "MemoryEmbeddingRepository.postpone",
  "MemoryEmbeddingRepository.save",
  "MemoryIndexRepository.analyse",
  "MemoryIndexRepository.candidates",
  "MemoryIndexRepository.neighbours",
  "MemoryIndexRepository.read",
  "MemoryIndexRepository.similar",
  "MemoryIndexRepository.totals",
  "MemoryJobRepository.claim",
  "MemoryJobRepository.conclude",
  "MemoryJobRepository.isPending",
  "MemoryJobRepository.overdue",
  "MemoryJobRepository.postpone",
  "MemoryJobRepository.renew",
  "MemoryJobRepository.save",
  "MemoryRepository.add",
  "MemoryRepository.apply",
  "MemoryRepository.delete",
  "MemoryRepository.deleteSome",
  "MemoryRepository.find",
  "MemoryRepository.history",
  "MemoryRepository.invalidate",
  "MemoryRepository.lastChange",
  "MemoryRepository.list",
  "MemoryRepository.undo",
  "MemoryRepository.update",
  "MemorySettingsRepository.change",
  "MemorySettingsRepository.find",
  "McpServerRepository.all",
  "McpServerRepository.create",
  "McpServerRepository.delete",
  "McpServerRepository.find",
  "McpServerRepository.list",
  "McpServerRepository.update",
  "RetentionRepository.removeControls",
  "RetentionRepository.removeDeliveries",
  "RetentionRepository.removeDeltas",
  "RetentionRepository.removedAfter",
  "RetentionRepository.removeEvents",
  "RetentionRepository.removeKeys",
  "RewindRepository.abandon",
  "RewindRepository.begin",
  "RewindRepository.finish",
  "RewindRepository.isTakenBack",
  "RunControlRepository.acknowledge",
  "RunControlRepository.acknowledgement",
  "RunControlRepository.changes",
  "RunControlRepository.open",
  "RunControlRepository.request",
  "RunEventRepository.append",
  "RunEventRepository.read",
  "RunQueueRepository.claim",
  "RunQueueRepository.drop",
  "RunQueueRepository.recall",
  "RunQueueRepository.release",
  "RunQueueRepository.startable",
  "RunQueueRepository.unread",
  "RunQueueRepository.waiting",
  "RunReaderRepository.note",
  "RunReaderRepository.sinceRead",
  "RunRepository.expired",
  "RunRepository.find",
  "RunRepository.findLive",
  "RunRepository.finish",
  "RunRepository.releaseKey",
  "RunRepository.renew",
  "RunRepository.start",
  "RunRepository.takeOver",
  "RunRepository.wait",
  "SessionRepository.delete",
  "SessionRepository.find",
  "SessionRepository.history",
  "SessionRepository.list",
  "SessionRepository.promote",
  "SessionRepository.reach",
  "SessionRepository.update",
  "SessionRuleRepository.inForce",
  "SessionRuleRepository.list",
  "SessionRuleRepository.revoke",
  "SingleInstanceLock",
  "SkillRepository.enabled",
  "SlashCommandRepository.enabled",
  "TenantRepository.create",
  "TenantRepository.list",
  "ToolPresetRepository.findDefault",
  "TranscriptRepository.append",
  "TranscriptRepository.load",
  "TranscriptRepository.loadLive",
  "TranscriptRepository.subpaths",
  "WebhookDeliveryRepository.again",
  "WebhookDeliveryRepository.backlog",
  "WebhookDeliveryRepository.claim",
  "WebhookDeliveryRepository.find",
  "WebhookDeliveryRepository.list",
  "WebhookDeliveryRepository.record",
  "WebhookDeliveryRepository.test",
  "WebhookRepository.binding",
  "WebhookRepository.change",
  "WebhookRepository.create",
  "WebhookRepository.delete",
  "WebhookRepository.find",
  "WebhookRepository.list",
  "WebSocketTicketRepository.create",
  "WebSocketTicketRepository.redeem",
  "WorkspaceVolumeRepository.claim",
  ...namedOperations,
  ...shareOperations
] as const

/** A call of the database that is measured under its own name. */
export type DatabaseOperation = (typeof databaseOperations)[number]

/** These have connections of their own, beside the pool. */
const besidePool: ReadonlySet<DatabaseOperation> = new Set(["RunRepository.renew", "SingleInstanceLock"])

const durations = Metric.histogram("db_query_duration_seconds", {
  description: "Time until a call of the database was answered or given up, with the wait for a connection",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
})

const connectionErrors = Metric.counter("db_connection_errors_total", {
  description: "Calls of the database that had no connection, or lost it",
  incremental: true
})

const inFlight = Metric.gauge("db_calls_in_flight", {
  description: "Calls that use the pool of connections or wait for it, with those that were given up and still hold one"
})

const poolSize = Metric.gauge("db_pool_size", { description: "Most connections of the pool" })

/** Says how many connections there may be. */
export const registerPoolSize = (size: number): Effect.Effect<void> => Metric.update(poolSize, size)

/** Measures calls of the database without an effect of its own for each. */
export interface DatabaseMeter {
  /** A call occupies the pool until its fiber ends. */
  readonly began: (operation: DatabaseOperation, fiber: Fiber.Fiber<unknown, unknown>) => void
  /** A call was answered or given up; `since` is a `performance.now()`. */
  readonly ended: (operation: DatabaseOperation, since: number) => void
  readonly connectionFailed: () => void
}

/** Makes a meter, with every metric in place before anything has happened. */
export const makeDatabaseMeter: Effect.Effect<DatabaseMeter> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const durationOf = new Map<DatabaseOperation, Metric.Histogram<number>>()
  for (const operation of databaseOperations) {
    const duration = Metric.withAttributes(durations, { operation })
    durationOf.set(operation, duration)
    yield* Metric.value(duration)
  }
  yield* Metric.value(connectionErrors)
  yield* Metric.value(inFlight)
  return {
    began: (operation, fiber) => {
      if (besidePool.has(operation)) return
      inFlight.modifyUnsafe(1, context)
      fiber.addObserver(() => inFlight.modifyUnsafe(-1, context))
    },
    ended: (operation, since) => durationOf.get(operation)?.updateUnsafe((performance.now() - since) / 1000, context),
    connectionFailed: () => connectionErrors.updateUnsafe(1, context)
  }
})
