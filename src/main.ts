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
import { registerFailureCounts } from "./services/FailureReport.ts"
import { loggers } from "./services/LogFormat.ts"
import { registerMemoryMetrics } from "./services/MemoryMetrics.ts"
import * as OperatorKey from "./services/OperatorKey.ts"
import * as Outbox from "./services/Outbox.ts"
import { RateLimits } from "./services/RateLimits.ts"
import * as Retention from "./services/Retention.ts"
import { Runs } from "./services/Runs.ts"
import * as Services from "./services/Services.ts"
import * as SharedWorkspaces from "./services/SharedWorkspaces.ts"
import { DatabaseLimits } from "./storage/DatabaseLimits.ts"
import * as EmbeddedDatabase from "./storage/EmbeddedDatabase.ts"
import * as Migrations from "./storage/Migrations.ts"
import * as Repositories from "./storage/Repositories.ts"
import { Sealing } from "./storage/Sealing.ts"
import * as ServerDatabase from "./storage/ServerDatabase.ts"
import { SingleInstanceLock } from "./storage/SingleInstanceLock.ts"
import { InstalledMcpServers } from "./storage/McpServersFile.ts"
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
  const repositories = Repositories.layer.pipe(
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
    Layer.provide(Services.layer),
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
