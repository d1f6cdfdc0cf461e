import { Config, Duration, Effect, Option, Schema, SchemaGetter } from "effect"
import { InstanceId } from "./domain/Run.ts"

/** A setting has a value that it cannot have. */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>()("InvalidSetting", {
  setting: Schema.String,
  expected: Schema.String
}) {
  override get message() {
    return `${this.setting} must be ${this.expected}.`
  }
}

/** One environment variable: how it is read, and what the documentation says of it. */
export interface Setting<A> {
  readonly name: string
  /** What stands in the documentation as its default. */
  readonly fallback: string
  /** What it may be, so that "NAME must be …" is a sentence. */
  readonly expected: string
  readonly meaning: string
  readonly read: Effect.Effect<A, InvalidSetting>
}

// An empty variable counts as absent: compose files and shells make them out of nothing.
const textOf = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Effect.map(Option.filter((text) => text.trim() !== "")),
    Effect.mapError(() => new InvalidSetting({ setting: name, expected: "readable" }))
  )

const setting = <A>(
  name: string,
  schema: Schema.Decoder<A>,
  expected: string,
  fallback: string,
  meaning: string
): Setting<A> => ({
  name,
  fallback,
  expected,
  meaning,
  read: Effect.flatMap(textOf(name), (text) =>
    Schema.decodeUnknownEffect(schema)(Option.getOrElse(text, () => fallback)).pipe(
      Effect.mapError(() => new InvalidSetting({ setting: name, expected }))
    )
  )
})

const optional = <A>(
  name: string,
  schema: Schema.Decoder<A>,
  expected: string,
  fallback: string,
  meaning: string
): Setting<A | undefined> => ({
  name,
  fallback,
  expected,
  meaning,
  read: Effect.flatMap(
    textOf(name),
    Option.match({
      onNone: () => Effect.succeed(undefined),
      onSome: (text) =>
        Schema.decodeUnknownEffect(schema)(text).pipe(
          Effect.mapError(() => new InvalidSetting({ setting: name, expected }))
        )
    })
  )
})

const integer = (minimum: number, maximum: number) =>
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))

const whole = (name: string, minimum: number, maximum: number, fallback: number, meaning: string) =>
  setting(name, integer(minimum, maximum), `a whole number from ${minimum} to ${maximum}`, String(fallback), meaning)

const rate = (name: string, fallback: number, meaning: string) =>
  setting(
    name,
    Schema.Union([
      Schema.Literal("off").pipe(
        Schema.decodeTo(Schema.Null, {
          decode: SchemaGetter.transform(() => null),
          encode: SchemaGetter.transform(() => "off" as const)
        })
      ),
      integer(1, 1_000_000)
    ]),
    "off, or a whole number from 1 to 1000000",
    String(fallback),
    meaning
  )

type TimeText = Extract<Duration.Input, string>

const time = (name: string, minimum: TimeText, maximum: TimeText, fallback: TimeText, meaning: string) => {
  const [least, most] = [Duration.fromInputUnsafe(minimum), Duration.fromInputUnsafe(maximum)]
  const schema = Schema.DurationFromString.check(
    Schema.makeFilter((value: Duration.Duration) => Duration.between(value, { minimum: least, maximum: most }))
  )
  const expected = `a time from ${minimum} to ${maximum}, such as "${fallback}"`
  const { read, ...documented } = setting(name, schema, expected, fallback, meaning)
  return { ...documented, read: Effect.map(read, Duration.toMillis) }
}

/** A time, or `off`, which is the default. */
const timeOrOff = (name: string, minimum: TimeText, maximum: TimeText, example: TimeText, meaning: string) => {
  const { read, ...documented } = time(name, minimum, maximum, example, meaning)
  const expected = `off, or ${documented.expected}`
  return {
    ...documented,
    fallback: "off",
    expected,
    read: Effect.flatMap(textOf(name), (text): Effect.Effect<number | null, InvalidSetting> =>
      Option.getOrElse(text, () => "off") === "off"
        ? Effect.succeed(null)
        : Effect.mapError(read, () => new InvalidSetting({ setting: name, expected }))
    )
  }
}

const url = (protocols: ReadonlyArray<string>) =>
  Schema.String.check(
    Schema.makeFilter((text: string) => URL.canParse(text) && protocols.includes(new URL(text).protocol))
  )

const secret = Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{8,500}$/)))

const list = (separator: string) =>
  Schema.String.pipe(
    Schema.decodeTo(Schema.Array(Schema.String), {
      decode: SchemaGetter.transform((text: string) =>
        text
          .split(separator)
          .map((part) => part.trim())
          .filter((part) => part !== "")
      ),
      encode: SchemaGetter.transform((parts: ReadonlyArray<string>) => parts.join(separator))
    })
  )

/** Times that follow each other, in milliseconds. */
const times = (name: string, maximum: TimeText, fallback: string, meaning: string) => {
  const most = Duration.fromInputUnsafe(maximum)
  const each = Schema.DurationFromString.check(
    Schema.makeFilter((value: Duration.Duration) => Duration.between(value, { minimum: Duration.zero, maximum: most }))
  )
  const schema = list(",").pipe(
    Schema.decodeTo(Schema.Array(each).check(Schema.isMinLength(1), Schema.isMaxLength(50)))
  )
  const expected = `1 to 50 times up to ${maximum}, separated by commas`
  const { read, ...documented } = setting(name, schema, expected, fallback, meaning)
  return { ...documented, read: Effect.map(read, (all) => all.map(Duration.toMillis)) }
}

const price = Schema.String.check(Schema.isPattern(/^\d+(?:\.\d+)?,\d+(?:\.\d+)?$/)).pipe(
  Schema.decodeTo(Schema.Struct({ input: Schema.Finite, output: Schema.Finite }), {
    decode: SchemaGetter.transform((text: string) => {
      const [input = 0, output = 0] = text.split(",").map(Number)
      return { input, output }
    }),
    encode: SchemaGetter.transform(({ input, output }: { input: number; output: number }) => `${input},${output}`)
  })
)

const encryptionKey = Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9+/]{43}=$/)))

/** Every setting, in the order of the documentation. Times are read as text and given as milliseconds. */
export const settings = {
  host: setting("HOST", Schema.NonEmptyString, "an address", "127.0.0.1", "Address to listen on."),
  port: whole("PORT", 0, 65_535, 54_000, "Port to listen on; 0 takes a free one."),
  dataDirectory: setting(
    "DATA_DIR",
    Schema.NonEmptyString,
    "a directory",
    ".causeway",
    "What an instance keeps on disk: the embedded database, generated keys, workspaces, agents' temporary files."
  ),
  apiKey: optional(
    "API_KEY",
    secret,
    "8 to 500 printable ASCII characters without spaces",
    "generated",
    "The operator's key. Generated into the data directory when unset; required in distributed mode. A changed one is added, the old one stays until it is revoked."
  ),
  encryptionKey: optional(
    "ENCRYPTION_KEY",
    encryptionKey,
    "32 bytes in base64",
    "generated",
    "Encrypts secrets at rest. Generated into the data directory when unset; required in distributed mode, and the same on every instance. What was encrypted with another key cannot be read."
  ),
  databaseUrl: optional(
    "DATABASE_URL",
    Schema.RedactedFromValue(url(["postgres:", "postgresql:"])),
    "a postgres:// URL",
    "embedded",
    "A PostgreSQL server to use instead of the embedded database."
  ),
  databasePool: whole(
    "DATABASE_POOL",
    1,
    200,
    10,
    "Most connections to the PostgreSQL server, beside up to three for leases and the lock of a single instance."
  ),
  redisUrl: optional(
    "REDIS_URL",
    Schema.RedactedFromValue(url(["redis:", "rediss:"])),
    "a redis:// URL",
    "–",
    "A Redis server, for several instances on one DATABASE_URL."
  ),
  workspaceRoots: optional(
    "WORKSPACE_ROOTS",
    list(":"),
    "directories separated by colons",
    "DATA_DIR/workspaces",
    "Directories below which agents may work; each tenant has one of its own in the first. In distributed mode required: one volume, at the same path on every instance."
  ),
  anthropicApiKey: optional(
    "ANTHROPIC_API_KEY",
    Schema.RedactedFromValue(Schema.NonEmptyString),
    "a key",
    "–",
    "Key of the model's service."
  ),
  anthropicBaseUrl: optional(
    "ANTHROPIC_BASE_URL",
    url(["http:", "https:"]),
    "an http:// or https:// URL",
    "the SDK's",
    "A service that speaks the Messages API."
  ),
  defaultModel: setting(
    "DEFAULT_MODEL",
    Schema.NonEmptyString,
    "a model",
    "sonnet",
    "Model of runs whose request names none."
  ),
  agentEnvironment: setting(
    "AGENT_ENV_ALLOW",
    list(","),
    "names separated by commas",
    "",
    "Environment variables that a request may set for its agent's tools."
  ),
  agentExecutable: optional(
    "AGENT_EXECUTABLE",
    Schema.NonEmptyString,
    "a path",
    "the SDK's",
    "The agent's program, instead of the one that comes with the SDK."
  ),
  memoryModel: optional(
    "MEMORY_MODEL",
    Schema.NonEmptyString,
    "a model",
    "–",
    "Model that finds what is worth remembering, after a run and in messages. Without it nothing is learned by itself."
  ),
  memoryModelTimeout: time(
    "MEMORY_MODEL_TIMEOUT",
    "1 second",
    "10 minutes",
    "1 minute",
    "Longest answer of MEMORY_MODEL; what was not learned is tried again later."
  ),
  memoryModelPrice: optional(
    "MEMORY_MODEL_PRICE",
    price,
    'two numbers such as "1,5"',
    "by the model's family",
    "Dollars per million input and output tokens of MEMORY_MODEL: what learning costs is added to the session's total."
  ),
  embedderUrl: optional(
    "EMBEDDER_URL",
    url(["http:", "https:"]),
    "an http:// or https:// URL",
    "–",
    "What stands before /embeddings of a service that embeds texts as OpenAI does, such as http://localhost:11434/v1. With it memory is searched by meaning too."
  ),
  embedderModel: setting(
    "EMBEDDER_MODEL",
    Schema.NonEmptyString,
    "a model",
    "text-embedding-3-small",
    "Model of EMBEDDER_URL. After a change all memories are embedded again."
  ),
  embedderApiKey: optional(
    "EMBEDDER_API_KEY",
    Schema.RedactedFromValue(Schema.NonEmptyString),
    "a key",
    "–",
    "Key of EMBEDDER_URL."
  ),
  embedderTimeout: time(
    "EMBEDDER_TIMEOUT",
    "10 millis",
    "10 seconds",
    "200 millis",
    "Longest wait for the embedding of a question; after it memory is searched by words alone."
  ),
  memoryRecallLimit: whole("MEMORY_RECALL_LIMIT", 1, 50, 10, "Most memories that are recalled before a run."),
  memoryRecallTokens: whole(
    "MEMORY_RECALL_TOKENS",
    50,
    20_000,
    1500,
    "Most tokens of them in the prompt; four characters are counted as one."
  ),
  memoryRecallTimeout: time(
    "MEMORY_RECALL_TIMEOUT",
    "10 millis",
    "5 seconds",
    "300 millis",
    "Longest search for memories before a run, which then goes on without them."
  ),
  maxPromptLength: whole("MAX_PROMPT_LENGTH", 1, 1_000_000, 100_000, "Longest prompt, in characters."),
  maxBodyBytes: whole("MAX_BODY_BYTES", 1024, 104_857_600, 10_485_760, "Largest request body, in bytes."),
  maxImages: whole("MAX_IMAGES", 0, 100, 20, "Most images of a request."),
  maxImageBytes: whole(
    "MAX_IMAGE_BYTES",
    1024,
    31_457_280,
    10_485_760,
    "Most bytes of a request's images together, those that are fetched by their URL too."
  ),
  maxMcpServers: whole("MAX_MCP_SERVERS", 0, 100, 20, "Most MCP servers of one tenant, and of one request."),
  maxRuns: whole("MAX_RUNS", 1, 1000, 16, "Most runs of this instance at once; each is a process of 120 MB or more."),
  maxRunsPerTenant: whole("MAX_RUNS_PER_TENANT", 1, 1000, 8, "Most runs of one tenant at once on this instance."),
  maxStreamsPerTenant: whole(
    "MAX_STREAMS_PER_TENANT",
    1,
    1_000_000,
    10_000,
    "Most event streams and WebSockets of one tenant at once on this instance."
  ),
  maxQueuedPerSession: whole(
    "MAX_QUEUED_PER_SESSION",
    0,
    1000,
    10,
    "Most runs of one session that wait for their turn (`on_busy: queue`)."
  ),
  maxQueuedPerTenant: whole(
    "MAX_QUEUED_PER_TENANT",
    0,
    10_000,
    100,
    "Most runs of one tenant that wait, over all instances."
  ),
  maxStarts: optional(
    "MAX_STARTS",
    integer(1, 1000),
    "a whole number from 1 to 1000",
    "as many as processors",
    "Most agents of this instance that start at once: a start takes a processor for about half a second."
  ),
  startWait: time(
    "START_WAIT",
    "0 seconds",
    "5 minutes",
    "5 seconds",
    "How long a request waits until its agent may start, before it is refused."
  ),
  agentMemory: whole(
    "AGENT_MEMORY",
    0,
    1_048_576,
    256,
    "Memory in MiB that must be free, on the machine and within its control group, for another agent to start; 0: that is not looked at."
  ),
  rateLimit: rate("RATE_LIMIT", 6000, "Most requests of one tenant in a minute, all at once if it likes."),
  rateLimitStarts: rate("RATE_LIMIT_STARTS", 120, "Most requests of one tenant in a minute that start a run."),
  startTimeout: time("START_TIMEOUT", "1 second", "5 minutes", "30 seconds", "Longest start of an agent."),
  runTimeout: time("RUN_TIMEOUT", "1 second", "24 hours", "1 hour", "Longest run."),
  modelIdleTimeout: time(
    "MODEL_IDLE_TIMEOUT",
    "1 second",
    "1 hour",
    "5 minutes",
    "Longest silence of the model before its run fails."
  ),
  modelRetries: whole("MODEL_RETRIES", 0, 10, 3, "How often a failed request to the model is repeated."),
  appendTimeout: time(
    "APPEND_TIMEOUT",
    "1 second",
    "5 minutes",
    "10 seconds",
    "How long a run goes on while its events cannot be stored."
  ),
  disconnectGrace: time(
    "DISCONNECT_GRACE",
    "1 second",
    "24 hours",
    "30 seconds",
    "How long a run goes on while nobody reads it, unless it was told to continue."
  ),
  approvalExpiry: time(
    "APPROVAL_EXPIRY",
    "1 second",
    "7 days",
    "24 hours",
    "How long people have to answer what an agent asks, unless the request says; after that it is refused."
  ),
  approvalHold: time(
    "APPROVAL_HOLD",
    "0 seconds",
    "1 hour",
    "1 minute",
    "How long an agent's process is kept while it waits for an answer; after that the run waits without one."
  ),
  shutdownGrace: time(
    "SHUTDOWN_GRACE",
    "0 seconds",
    "1 hour",
    "30 seconds",
    "How long running turns may finish when the service is told to stop."
  ),
  appendBufferBytes: whole(
    "APPEND_BUFFER_BYTES",
    65_536,
    67_108_864,
    4_194_304,
    "Most bytes of one run's events that wait for the database."
  ),
  readerBufferBytes: whole(
    "READER_BUFFER_BYTES",
    65_536,
    67_108_864,
    1_048_576,
    "Most bytes that are kept for one slow reader of a stream; beyond that it reads from the database."
  ),
  checkpointFiles: whole(
    "CHECKPOINT_MAX_FILES",
    1,
    1_000_000,
    10_000,
    "Most files, links and directories of a workspace of which a checkpoint is kept."
  ),
  checkpointBytes: whole(
    "CHECKPOINT_MAX_BYTES",
    1024,
    10_737_418_240,
    104_857_600,
    "Most bytes of a workspace of which a checkpoint is kept."
  ),
  checkpointStoreBytes: whole(
    "CHECKPOINT_STORE_BYTES",
    1024,
    107_374_182_400,
    1_073_741_824,
    "Most bytes of all checkpoints of a session; what did not change between two is stored once."
  ),
  deltaRetention: time(
    "DELTA_RETENTION",
    "1 second",
    "3650 days",
    "24 hours",
    "How long `partial` events are kept after their run's end. Whole messages stay."
  ),
  eventRetention: timeOrOff(
    "EVENT_RETENTION",
    "1 second",
    "3650 days",
    "90 days",
    "How long all events are kept after their run's end, a session's messages among them; off keeps them. The agent's own conversation stays: the session can be resumed."
  ),
  webhookRetries: times(
    "WEBHOOK_RETRIES",
    "7 days",
    "5 seconds, 5 minutes, 30 minutes, 2 hours, 5 hours, 10 hours, 14 hours, 20 hours, 24 hours",
    "How long after each attempt that failed a webhook is told again; after the last one it is given up. What Standard Webhooks recommends: three days in all. Each time is varied by up to a fifth."
  ),
  webhookRetention: time(
    "WEBHOOK_RETENTION",
    "1 second",
    "3650 days",
    "30 days",
    "How long it is kept what webhooks were told, and whether they heard it; also what waits for one that is disabled."
  ),
  readerStallTimeout: time(
    "READER_STALL_TIMEOUT",
    "1 second",
    "1 hour",
    "1 minute",
    "How long a reader of a stream may take nothing before its connection is cut. It can resume the stream."
  ),
  mcpServersFile: optional(
    "MCP_SERVERS_FILE",
    Schema.NonEmptyString,
    "a path",
    "–",
    "JSON with MCP servers for all tenants, by name, as a request gives them; `${NAME}` in it stands for a variable of the service's environment. Read at the start."
  ),
  mcpTimeout: time(
    "MCP_TIMEOUT",
    "100 millis",
    "5 minutes",
    "10 seconds",
    "Longest wait for an MCP server: to get ready for a run, or to answer about its state or its resources."
  ),
  mcpToolTimeout: time(
    "MCP_TOOL_TIMEOUT",
    "1 second",
    "24 hours",
    "5 minutes",
    "Longest call of an MCP server's tool; the agent is then told that it failed."
  ),
  shareLife: time(
    "SHARE_LIFE",
    "1 second",
    "365 days",
    "1 day",
    "How long an agent or an MCP server is shared when the request does not say."
  ),
  outboundAllow: setting(
    "OUTBOUND_ALLOW",
    list(","),
    "hosts, addresses or ranges separated by commas",
    "",
    "What URLs that clients give may lead to although it is no public address, such as `10.1.0.0/16` or `mcp.internal`. Everything else that is loopback, private or link-local is refused."
  ),
  corsOrigins: setting(
    "CORS_ORIGINS",
    list(","),
    "origins separated by commas, or *",
    "",
    "Origins whose pages may call the API from a browser."
  ),
  metricsKey: optional(
    "METRICS_KEY",
    secret,
    "8 to 500 printable ASCII characters without spaces",
    "–",
    "Asked for at /metrics when it is set."
  ),
  otlpEndpoint: optional(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    url(["http:", "https:"]),
    "an http:// or https:// URL",
    "–",
    "An OpenTelemetry collector to which traces are sent, as JSON to its /v1/traces. Without it none are made."
  ),
  instanceId: optional(
    "INSTANCE_ID",
    InstanceId,
    "1 to 64 letters, digits, dots, dashes or underscores",
    "generated",
    "Name of this instance, unique among all."
  ),
  logLevel: setting(
    "LOG_LEVEL",
    Schema.Literals(["Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"]),
    "one of Trace, Debug, Info, Warn, Error, Fatal, None",
    "Info",
    "Least severe lines that are logged."
  ),
  logFormat: optional(
    "LOG_FORMAT",
    Schema.Literals(["json", "pretty"]),
    "json or pretty",
    "pretty in a terminal, else json",
    "How log lines look."
  ),
  logPrompts: setting(
    "LOG_PROMPTS",
    Schema.Literals(["on", "off"]),
    "on or off",
    "on",
    "Whether log lines about failures show the first 100 characters of the prompt."
  )
} as const

/** What the environment says, checked. */
export type Configuration = {
  readonly [Name in keyof typeof settings]: Effect.Success<(typeof settings)[Name]["read"]>
}

/** The settings exclude each other or lack what they need. */
export class IncompleteSettings extends Schema.TaggedError<IncompleteSettings>()("IncompleteSettings", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

const distributedNeeds = [
  ["apiKey", "API_KEY"],
  ["encryptionKey", "ENCRYPTION_KEY"],
  ["workspaceRoots", "WORKSPACE_ROOTS"]
] as const

/** Reads all settings; the first that is wrong, or a combination that is, stops the start with one line. */
export const readConfiguration: Effect.Effect<Configuration, InvalidSetting | IncompleteSettings> = Effect.gen(
  function* () {
    const configuration = yield* Effect.all({
      host: settings.host.read,
      port: settings.port.read,
      dataDirectory: settings.dataDirectory.read,
      apiKey: settings.apiKey.read,
      encryptionKey: settings.encryptionKey.read,
      databaseUrl: settings.databaseUrl.read,
      databasePool: settings.databasePool.read,
      redisUrl: settings.redisUrl.read,
      workspaceRoots: settings.workspaceRoots.read,
      anthropicApiKey: settings.anthropicApiKey.read,
      anthropicBaseUrl: settings.anthropicBaseUrl.read,
      defaultModel: settings.defaultModel.read,
      agentEnvironment: settings.agentEnvironment.read,
      agentExecutable: settings.agentExecutable.read,
      memoryModel: settings.memoryModel.read,
      memoryModelTimeout: settings.memoryModelTimeout.read,
      memoryModelPrice: settings.memoryModelPrice.read,
      embedderUrl: settings.embedderUrl.read,
      embedderModel: settings.embedderModel.read,
      embedderApiKey: settings.embedderApiKey.read,
      embedderTimeout: settings.embedderTimeout.read,
      memoryRecallLimit: settings.memoryRecallLimit.read,
      memoryRecallTokens: settings.memoryRecallTokens.read,
      memoryRecallTimeout: settings.memoryRecallTimeout.read,
      maxPromptLength: settings.maxPromptLength.read,
      maxBodyBytes: settings.maxBodyBytes.read,
      maxImages: settings.maxImages.read,
      maxImageBytes: settings.maxImageBytes.read,
      maxMcpServers: settings.maxMcpServers.read,
      maxRuns: settings.maxRuns.read,
      maxRunsPerTenant: settings.maxRunsPerTenant.read,
      maxStreamsPerTenant: settings.maxStreamsPerTenant.read,
      maxQueuedPerSession: settings.maxQueuedPerSession.read,
      maxQueuedPerTenant: settings.maxQueuedPerTenant.read,
      maxStarts: settings.maxStarts.read,
      startWait: settings.startWait.read,
      agentMemory: settings.agentMemory.read,
      rateLimit: settings.rateLimit.read,
      rateLimitStarts: settings.rateLimitStarts.read,
      startTimeout: settings.startTimeout.read,
      runTimeout: settings.runTimeout.read,
      modelIdleTimeout: settings.modelIdleTimeout.read,
      modelRetries: settings.modelRetries.read,
      appendTimeout: settings.appendTimeout.read,
      disconnectGrace: settings.disconnectGrace.read,
      approvalExpiry: settings.approvalExpiry.read,
      approvalHold: settings.approvalHold.read,
      shutdownGrace: settings.shutdownGrace.read,
      appendBufferBytes: settings.appendBufferBytes.read,
      readerBufferBytes: settings.readerBufferBytes.read,
      checkpointFiles: settings.checkpointFiles.read,
      checkpointBytes: settings.checkpointBytes.read,
      checkpointStoreBytes: settings.checkpointStoreBytes.read,
      deltaRetention: settings.deltaRetention.read,
      eventRetention: settings.eventRetention.read,
      webhookRetries: settings.webhookRetries.read,
      webhookRetention: settings.webhookRetention.read,
      readerStallTimeout: settings.readerStallTimeout.read,
      mcpServersFile: settings.mcpServersFile.read,
      mcpTimeout: settings.mcpTimeout.read,
      mcpToolTimeout: settings.mcpToolTimeout.read,
      shareLife: settings.shareLife.read,
      outboundAllow: settings.outboundAllow.read,
      corsOrigins: settings.corsOrigins.read,
      metricsKey: settings.metricsKey.read,
      otlpEndpoint: settings.otlpEndpoint.read,
      instanceId: settings.instanceId.read,
      logLevel: settings.logLevel.read,
      logFormat: settings.logFormat.read,
      logPrompts: settings.logPrompts.read
    })
    if (configuration.redisUrl !== undefined) {
      if (configuration.databaseUrl === undefined) {
        return yield* new IncompleteSettings({ reason: "REDIS_URL needs DATABASE_URL: Redis keeps nothing by itself." })
      }
      const missing = distributedNeeds.filter(([name]) => configuration[name] === undefined).map(([, name]) => name)
      if (missing.length > 0) {
        return yield* new IncompleteSettings({
          reason: `With REDIS_URL several instances work together, so all must be given the same ${missing.join(", ")}.`
        })
      }
    }
    return configuration
  }
)
