import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Layer, Logger, Predicate, References, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"
import { availableParallelism, hostname } from "node:os"
import { join, resolve } from "node:path"
import * as ClaudeAgentRuntime from "./agent/ClaudeAgentRuntime.ts"
import { MachineMemory } from "./agent/MachineMemory.ts"
import { McpClients } from "./agent/McpClients.ts"
import { Workspaces } from "./agent/Workspaces.ts"
import { WorkspaceTexts } from "./agent/WorkspaceTexts.ts"
import * as MemoryCache from "./cache/MemoryCache.ts"
import * as MemoryDoorbell from "./cache/MemoryDoorbell.ts"
import * as MemoryRateMeter from "./cache/MemoryRateMeter.ts"
import * as RedisCache from "./cache/RedisCache.ts"
import { RedisConnection } from "./cache/RedisConnection.ts"
import * as RedisDoorbell from "./cache/RedisDoorbell.ts"
import * as RedisRateMeter from "./cache/RedisRateMeter.ts"
import { type Configuration, readConfiguration } from "./Configuration.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import * as Tracing from "./Tracing.ts"
import { InstanceId } from "./domain/Run.ts"
import { Settings } from "./domain/Settings.ts"
import { serverLayer } from "./http/Server.ts"
import * as ClaudeMemoryModel from "./outbound/ClaudeMemoryModel.ts"
import * as OpenAIEmbedder from "./outbound/OpenAIEmbedder.ts"
import { Admission } from "./services/Admission.ts"
import { Agents } from "./services/Agents.ts"
import { AgentShares } from "./services/AgentShares.ts"
import { ApiKeys } from "./services/ApiKeys.ts"
import { Approvals } from "./services/Approvals.ts"
import { Budgets } from "./services/Budgets.ts"
import { Executions } from "./services/Executions.ts"
import { Equipment } from "./services/Equipment.ts"
import { registerFailureCounts } from "./services/FailureReport.ts"
import { Checkpoints } from "./services/Checkpoints.ts"
import { Hooks } from "./services/Hooks.ts"
import { Leases } from "./services/Leases.ts"
import { loggers } from "./services/LogFormat.ts"
import * as LostRuns from "./services/LostRuns.ts"
import { Memories } from "./services/Memories.ts"
import * as MemoryEmbeddings from "./services/MemoryEmbeddings.ts"
import { MemoryJobs } from "./services/MemoryJobs.ts"
import { MemoryLearning } from "./services/MemoryLearning.ts"
import { MemoryPreferences } from "./services/MemoryPreferences.ts"
import { MemoryRecall } from "./services/MemoryRecall.ts"
import { registerMemoryMetrics } from "./services/MemoryMetrics.ts"
import { OpenApprovals } from "./services/OpenApprovals.ts"
import * as OperatorKey from "./services/OperatorKey.ts"
import * as Outbox from "./services/Outbox.ts"
import { Projects } from "./services/Projects.ts"
import { McpInquiries } from "./services/McpInquiries.ts"
import { McpServers } from "./services/McpServers.ts"
import { McpShares } from "./services/McpShares.ts"
import { RateLimits } from "./services/RateLimits.ts"
import { Readiness } from "./services/Readiness.ts"
import * as Retention from "./services/Retention.ts"
import { RunControls } from "./services/RunControls.ts"
import { RunLog } from "./services/RunLog.ts"
import { RunOrders } from "./services/RunOrders.ts"
import { RunQueue } from "./services/RunQueue.ts"
import { RunReaders } from "./services/RunReaders.ts"
import { Runs } from "./services/Runs.ts"
import { Sessions } from "./services/Sessions.ts"
import * as SharedWorkspaces from "./services/SharedWorkspaces.ts"
import { Skills } from "./services/Skills.ts"
import { SlashCommands } from "./services/SlashCommands.ts"
import { Tenants } from "./services/Tenants.ts"
import { ToolPresets } from "./services/ToolPresets.ts"
import { Transcripts } from "./services/Transcripts.ts"
import { WebhookDeliveries } from "./services/WebhookDeliveries.ts"
import { Webhooks } from "./services/Webhooks.ts"
import * as WaitingRuns from "./services/WaitingRuns.ts"
import { WebSocketTickets } from "./services/WebSocketTickets.ts"
import { AgentRepository } from "./storage/AgentRepository.ts"
import { AgentShareRepository } from "./storage/AgentShareRepository.ts"
import { ApiKeyRepository } from "./storage/ApiKeyRepository.ts"
import { ApprovalRepository } from "./storage/ApprovalRepository.ts"
import { BudgetRepository } from "./storage/BudgetRepository.ts"
import { CheckpointRepository } from "./storage/CheckpointRepository.ts"
import { DatabaseLimits } from "./storage/DatabaseLimits.ts"
import { DatabaseProbe } from "./storage/DatabaseProbe.ts"
import * as EmbeddedDatabase from "./storage/EmbeddedDatabase.ts"
import { MemoryEmbeddingRepository } from "./storage/MemoryEmbeddingRepository.ts"
import { MemoryIndexRepository } from "./storage/MemoryIndexRepository.ts"
import { MemoryJobRepository } from "./storage/MemoryJobRepository.ts"
import { MemoryRepository } from "./storage/MemoryRepository.ts"
import { MemorySettingsRepository } from "./storage/MemorySettingsRepository.ts"
import * as Migrations from "./storage/Migrations.ts"
import { ProjectRepository } from "./storage/ProjectRepository.ts"
import { RewindRepository } from "./storage/RewindRepository.ts"
import { RetentionRepository } from "./storage/RetentionRepository.ts"
import { RunControlRepository } from "./storage/RunControlRepository.ts"
import { RunEventRepository } from "./storage/RunEventRepository.ts"
import { RunQueueRepository } from "./storage/RunQueueRepository.ts"
import { RunReaderRepository } from "./storage/RunReaderRepository.ts"
import { RunRepository } from "./storage/RunRepository.ts"
import { Sealing } from "./storage/Sealing.ts"
import * as ServerDatabase from "./storage/ServerDatabase.ts"
import { SessionRepository } from "./storage/SessionRepository.ts"
import { SingleInstanceLock } from "./storage/SingleInstanceLock.ts"
import { SkillRepository } from "./storage/SkillRepository.ts"
import { SlashCommandRepository } from "./storage/SlashCommandRepository.ts"
import { TenantRepository } from "./storage/TenantRepository.ts"
import { ToolPresetRepository } from "./storage/ToolPresetRepository.ts"
import { TranscriptRepository } from "./storage/TranscriptRepository.ts"
import { WebhookDeliveryRepository } from "./storage/WebhookDeliveryRepository.ts"
import { WebhookRepository } from "./storage/WebhookRepository.ts"
import { WebSocketTicketRepository } from "./storage/WebSocketTicketRepository.ts"
import { WorkspaceVolumeRepository } from "./storage/WorkspaceVolumeRepository.ts"
import { McpServerRepository } from "./storage/McpServerRepository.ts"
import { InstalledMcpServers } from "./storage/McpServersFile.ts"
import { McpShareRepository } from "./storage/McpShareRepository.ts"
import { McpRelay } from "./outbound/McpRelay.ts"
import { Outbound } from "./outbound/Outbound.ts"
import { version } from "./domain/Version.ts"

// A server that starts at the same time, as in a compose file, is waited for.
const migrationsLayer = Layer.effectDiscard(
  Migrations.migrate.pipe(
    Effect.tapErrorTag("DbUnavailable", () => Effect.logWarning("The database is not there yet")),
    Effect.retry({ while: Predicate.isTagged("DbUnavailable"), schedule: Schedule.spaced("1 second"), times: 30 })
  )
)

/** The floor of the outside world: database, cache, agents, as the configuration chooses them. */
const outsideLayer = (configuration: Configuration, instanceId: InstanceId) => {
  const { databaseUrl, redisUrl } = configuration
  const directory = resolve(configuration.dataDirectory)
  const server = databaseUrl === undefined ? undefined : { url: databaseUrl, applicationName: `causeway ${instanceId}` }

  const database = server === undefined ? EmbeddedDatabase.layer(directory) : ServerDatabase.layer(server)
  const migrated = Layer.provideMerge(migrationsLayer, database)
  const repositories = Layer.mergeAll(
    AgentRepository.layer,
    AgentShareRepository.layer,
    ApiKeyRepository.layer,
    ApprovalRepository.layer,
    BudgetRepository.layer,
    CheckpointRepository.layer,
    DatabaseProbe.layer,
    MemoryEmbeddingRepository.layer,
    RewindRepository.layer,
    MemoryIndexRepository.layer,
    MemoryJobRepository.layer,
    MemoryRepository.layer,
    MemorySettingsRepository.layer,
    ProjectRepository.layer,
    McpServerRepository.layer,
    McpShareRepository.layer,
    RetentionRepository.layer,
    RunControlRepository.layer,
    RunEventRepository.layer,
    RunQueueRepository.layer,
    RunReaderRepository.layer,
    RunRepository.layer,
    SessionRepository.layer,
    SkillRepository.layer,
    SlashCommandRepository.layer,
    TenantRepository.layer,
    ToolPresetRepository.layer,
    TranscriptRepository.layer,
    WebhookDeliveryRepository.layer,
    WebhookRepository.layer,
    WebSocketTicketRepository.layer,
    WorkspaceVolumeRepository.layer
  ).pipe(
    Layer.provide(migrated),
    Layer.provideMerge(Sealing.layer(configuration.encryptionKey, join(directory, "encryption-key")))
  )

  const shared =
    redisUrl === undefined
      ? Layer.mergeAll(MemoryCache.layer(), MemoryDoorbell.layer, MemoryRateMeter.layer)
      : Layer.mergeAll(RedisCache.layer, RedisDoorbell.layer, RedisRateMeter.layer).pipe(
          Layer.provide(RedisConnection.layer(redisUrl))
        )

  const agents = ClaudeAgentRuntime.layer({
    directory: join(directory, "agents"),
    apiKey: configuration.anthropicApiKey,
    baseUrl: configuration.anthropicBaseUrl,
    startTimeout: configuration.startTimeout,
    modelIdleTimeout: configuration.modelIdleTimeout,
    appendTimeout: configuration.appendTimeout,
    modelRetries: configuration.modelRetries,
    mcpTimeout: configuration.mcpTimeout,
    mcpToolTimeout: configuration.mcpToolTimeout,
    environmentAllowed: configuration.agentEnvironment,
    executable: configuration.agentExecutable
  })

  const { mcpServersFile, outboundAllow } = configuration
  const outbound = Layer.merge(Outbound.layer(outboundAllow), McpRelay.layer(outboundAllow))
  const clients = McpClients.layer({ directory: join(directory, "agents"), timeout: configuration.mcpTimeout })
  const installed = InstalledMcpServers.layer(mcpServersFile)

  const memoryModel = ClaudeMemoryModel.layer({
    model: configuration.memoryModel,
    apiKey: configuration.anthropicApiKey,
    baseUrl: configuration.anthropicBaseUrl,
    timeout: configuration.memoryModelTimeout,
    price: configuration.memoryModelPrice
  })

  const embedder = OpenAIEmbedder.layer({
    url: configuration.embedderUrl,
    model: configuration.embedderModel,
    apiKey: configuration.embedderApiKey,
    questionLimit: configuration.embedderTimeout
  })

  return Layer.mergeAll(
    repositories,
    shared,
    agents,
    memoryModel,
    embedder,
    outbound,
    installed,
    clients,
    MachineMemory.layer,
    WorkspaceTexts.layer
  ).pipe(
    Layer.provideMerge(Workspaces.layer),
    Layer.provideMerge(Layer.merge(NodeCrypto.layerDigest, SecureRandom.layerWebCrypto))
  )
}

const settingsLayer = (configuration: Configuration, instanceId: InstanceId) =>
  Layer.succeed(Settings, {
    instanceId,
    version,
    workspaceRoots: configuration.workspaceRoots ?? [resolve(configuration.dataDirectory, "workspaces")],
    environmentAllowed: configuration.agentEnvironment,
    memory: {
      recallLimit: configuration.memoryRecallLimit,
      recallTokens: configuration.memoryRecallTokens,
      recallTimeout: configuration.memoryRecallTimeout
    },
    logPrompts: configuration.logPrompts === "on",
    defaultModel: configuration.defaultModel,
    maxPromptLength: configuration.maxPromptLength,
    maxImages: configuration.maxImages,
    maxImageBytes: configuration.maxImageBytes,
    maxMcpServers: configuration.maxMcpServers,
    shareLife: configuration.shareLife,
    maxRuns: configuration.maxRuns,
    maxRunsPerTenant: configuration.maxRunsPerTenant,
    maxQueuedPerSession: configuration.maxQueuedPerSession,
    maxQueuedPerTenant: configuration.maxQueuedPerTenant,
    maxStarts: configuration.maxStarts ?? availableParallelism(),
    startWait: configuration.startWait,
    memoryReserve: configuration.agentMemory * 1024 * 1024,
    startTimeout: configuration.startTimeout,
    runTimeout: configuration.runTimeout,
    appendTimeout: configuration.appendTimeout,
    disconnectGrace: configuration.disconnectGrace,
    approvalExpiry: configuration.approvalExpiry,
    approvalHold: configuration.approvalHold,
    shutdownGrace: configuration.shutdownGrace,
    appendBufferBytes: configuration.appendBufferBytes,
    readerBufferBytes: configuration.readerBufferBytes,
    checkpointFiles: configuration.checkpointFiles,
    checkpointBytes: configuration.checkpointBytes,
    checkpointStoreBytes: configuration.checkpointStoreBytes
  })

/** What the system does, from the ground up. */
const servicesLayer = Layer.mergeAll(
  Approvals.layer,
  Readiness.layer,
  LostRuns.layer,
  WaitingRuns.layer,
  McpInquiries.layer,
  McpShares.layer,
  MemoryEmbeddings.layer
).pipe(
  Layer.provideMerge(Runs.layer),
  Layer.provideMerge(RunQueue.layer),
  Layer.provideMerge(Executions.layer),
  Layer.provideMerge(Layer.merge(MemoryJobs.layer, RunReaders.layer)),
  Layer.provideMerge(
    Layer.mergeAll(
      Checkpoints.layer,
      Equipment.layer,
      Hooks.layer,
      Leases.layer,
      MemoryLearning.layer,
      MemoryRecall.layer,
      OpenApprovals.layer,
      RunControls.layer,
      RunLog.layer,
      RunOrders.layer,
      Transcripts.layer
    )
  ),
  Layer.provideMerge(
    Layer.mergeAll(Layer.provideMerge(AgentShares.layer, Agents.layer), Skills.layer, SlashCommands.layer)
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      Admission.layer,
      ApiKeys.layer,
      Budgets.layer,
      McpServers.layer,
      Memories.layer,
      MemoryPreferences.layer,
      Layer.provideMerge(Projects.layer, Sessions.layer),
      Tenants.layer,
      ToolPresets.layer,
      WebhookDeliveries.layer,
      Webhooks.layer,
      WebSocketTickets.layer
    )
  )
)

const signals = ["SIGTERM", "SIGINT"] as const

/** Done when the process is told to stop once more. */
const anotherSignal = Effect.callback<void>((resume) => {
  const hurry = () => resume(Effect.void)
  for (const signal of signals) process.on(signal, hurry)
  return Effect.sync(() => {
    for (const signal of signals) process.off(signal, hurry)
  })
})

// Its finalizer runs before the server's: while runs end, the server still answers.
const drainLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const runs = yield* Runs
    yield* Effect.addFinalizer(() => runs.drain(anotherSignal))
  })
)

const applicationLayer = (configuration: Configuration, instanceId: InstanceId) =>
  drainLayer.pipe(
    Layer.provide(
      serverLayer({
        host: configuration.host,
        port: configuration.port,
        corsOrigins: configuration.corsOrigins,
        metricsKey: configuration.metricsKey,
        maxBodyBytes: configuration.maxBodyBytes,
        stallTimeout: configuration.readerStallTimeout,
        maxStreamsPerTenant: configuration.maxStreamsPerTenant
      })
    ),
    Layer.provide(configuration.redisUrl === undefined ? Layer.empty : SharedWorkspaces.layer),
    Layer.provide(OperatorKey.layer(configuration.apiKey, resolve(configuration.dataDirectory, "api-key"))),
    Layer.provide(
      Retention.layer({
        deltas: configuration.deltaRetention,
        events: configuration.eventRetention,
        deliveries: configuration.webhookRetention
      })
    ),
    Layer.provide(Outbox.layer(configuration.webhookRetries)),
    Layer.provide(servicesLayer),
    Layer.provide(RateLimits.layer({ requests: configuration.rateLimit, starts: configuration.rateLimitStarts })),
    Layer.provide(outsideLayer(configuration, instanceId)),
    Layer.provide(settingsLayer(configuration, instanceId)),
    Layer.provide(
      Layer.succeed(DatabaseLimits, {
        connect: 3000,
        statement: 5000,
        call: 5000,
        renewal: 2000,
        poolSize: configuration.databasePool
      })
    )
  )

const loggingLayer = ({ logFormat, logLevel }: Configuration) =>
  Layer.merge(
    Logger.layer([loggers[logFormat ?? (process.stdout.isTTY ? "pretty" : "json")]]),
    Layer.succeed(References.MinimumLogLevel, logLevel)
  )

/** Runs the service. On a database without Redis it is the only instance, and gives way when another took its place. */
const serve = (configuration: Configuration, instanceId: InstanceId) => {
  const { databaseUrl, redisUrl } = configuration
  const launched = Layer.launch(applicationLayer(configuration, instanceId))
  if (databaseUrl === undefined || redisUrl !== undefined) return launched
  const alone = Effect.flatMap(SingleInstanceLock, ({ lost }) => Effect.raceFirst(launched, Effect.flip(lost)))
  return Effect.provide(
    alone,
    SingleInstanceLock.layer({ url: databaseUrl, applicationName: `causeway ${instanceId}` })
  )
}

const program = Effect.gen(function* () {
  const configuration = yield* readConfiguration
  const random = yield* SecureRandom.SecureRandom
  const name = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 40)
  const instanceId = configuration.instanceId ?? InstanceId.make(`${name}-${(yield* random.uuidV4()).slice(0, 8)}`)
  yield* registerFailureCounts
  yield* registerMemoryMetrics
  const observed = Layer.merge(ProcessMetrics.layer, Tracing.layer(configuration.otlpEndpoint, instanceId)).pipe(
    Layer.provideMerge(loggingLayer(configuration))
  )
  yield* Effect.provide(serve(configuration, instanceId), observed)
})

program.pipe(
  Effect.provide(SecureRandom.layerWebCrypto),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // A drained shutdown is a success. What kept the service from starting is said in one line.
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return onExit(0)
      const error = Cause.squash(exit.cause)
      process.stderr.write(`causeway: ${error instanceof Error ? error.message : String(error)}\n`)
      onExit(1)
    }
  })
)
