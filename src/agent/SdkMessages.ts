import { Effect, Schema } from "effect"
import { ContentBlock } from "../domain/ContentBlock.ts"

/*
 * The SDK's messages, as far as they are read. Each schema asks for what is used and
 * nothing else, so that a field that changes elsewhere breaks nothing.
 */

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const parent = { parent_tool_use_id: nullable(Schema.String) } as const
const tokens = Schema.NullOr(Schema.Int).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))

/** Token counts as the Messages API gives them. */
export const SdkUsage = Schema.Struct({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_input_tokens: tokens,
  cache_creation_input_tokens: tokens
})
export type SdkUsage = typeof SdkUsage.Type

/** What tells one message from another. */
export const SdkEnvelope = Schema.Struct({ type: Schema.String, subtype: Schema.optionalKey(Schema.String) })

/** The first message of every turn. */
export const SdkInit = Schema.Struct({
  session_id: Schema.String,
  model: Schema.String,
  permissionMode: Schema.String,
  tools: Schema.Array(Schema.String),
  mcp_servers: Schema.Array(Schema.Struct({ name: Schema.String, status: Schema.String })),
  slash_commands: Schema.Array(Schema.String)
})

/** Of an init message that does not decode, what a client cannot do without. */
export const SdkInitSession = Schema.Struct({ session_id: Schema.String })

/** One content block of the model's, or a text of the CLI's own about a failure. */
export const SdkAssistant = Schema.Struct({
  ...parent,
  uuid: nullable(Schema.String),
  error: Schema.optionalKey(Schema.String),
  api_error: Schema.optionalKey(Schema.String),
  message: Schema.Struct({
    model: nullable(Schema.String),
    content: Schema.Array(ContentBlock),
    usage: nullable(SdkUsage)
  })
})
export type SdkAssistant = typeof SdkAssistant.Type

/** What stands in the user's place: mostly results of tools. */
export const SdkUser = Schema.Struct({
  ...parent,
  isSynthetic: Schema.optionalKey(Schema.Boolean),
  uuid: nullable(Schema.String),
  message: Schema.Struct({ content: Schema.Union([Schema.String, Schema.Array(ContentBlock)]) }),
  /** What the tool came to in its own words, not the model's. */
  tool_use_result: Schema.optionalKey(Schema.Unknown)
})

/** One event of the Messages API's stream. */
export const SdkStreamEvent = Schema.Struct({
  ...parent,
  event: Schema.Struct({
    type: Schema.String,
    index: Schema.optionalKey(Schema.Int),
    content_block: Schema.optionalKey(ContentBlock),
    delta: Schema.optionalKey(Schema.Json)
  })
})

/** The first event of a message in that stream: tokens as far as they are known then. */
export const SdkMessageStart = Schema.Struct({
  ...parent,
  event: Schema.Struct({ message: Schema.Struct({ usage: SdkUsage }) })
})

/** One of its last events: all that the message came to. */
export const SdkMessageDelta = Schema.Struct({ ...parent, event: Schema.Struct({ usage: SdkUsage }) })

/** A tool call that needed a permission that nobody was there to give. */
export const SdkPermissionDenied = Schema.Struct({
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  message: nullable(Schema.String)
})

/** A tool that takes its time. */
export const SdkToolProgress = Schema.Struct({
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  elapsed_time_seconds: Schema.Finite
})

/** A request to the model that will be repeated. */
export const SdkRetry = Schema.Struct({
  attempt: Schema.Int,
  max_retries: Schema.Int,
  retry_delay_ms: Schema.Finite,
  error_status: nullable(Schema.Int),
  error: Schema.String
})

/** What the CLI is doing; null when it is done with that. */
export const SdkStatus = Schema.Struct({ status: Schema.NullOr(Schema.String), compact_error: nullable(Schema.String) })

/** Messages of which only a text is read. */
export const SdkNotice = Schema.Struct({ content: nullable(Schema.String) })

/** The conversation was summarised to make room. */
export const SdkCompacted = Schema.Struct({ compact_metadata: Schema.Struct({ trigger: Schema.String }) })

const counted = Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))

/** What one model did in a turn. */
export const SdkModelUsage = Schema.Struct({
  inputTokens: counted,
  outputTokens: counted,
  cacheReadInputTokens: counted,
  cacheCreationInputTokens: counted,
  costUSD: Schema.Finite.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))
})

/** What an agent answers when it is asked what it has cost. */
export const SdkSpent = Schema.Struct({
  session: Schema.Struct({ total_cost_usd: Schema.Finite, model_usage: Schema.Record(Schema.String, SdkModelUsage) })
})

/** The end of a turn. */
export const SdkResult = Schema.Struct({
  subtype: Schema.String,
  session_id: Schema.String,
  is_error: Schema.Boolean,
  result: nullable(Schema.String),
  errors: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  num_turns: Schema.Int,
  stop_reason: nullable(Schema.String),
  terminal_reason: nullable(Schema.String),
  api_error_status: nullable(Schema.Int),
  startup_failure_reason: nullable(Schema.String),
  total_cost_usd: Schema.Finite,
  usage: SdkUsage,
  modelUsage: Schema.Record(Schema.String, SdkModelUsage),
  permission_denials: Schema.Array(SdkPermissionDenied),
  structured_output: Schema.optionalKey(Schema.Json)
})
export type SdkResult = typeof SdkResult.Type
