import { Option, Predicate, Schema } from "effect"
import type { AgentEvent } from "../domain/Agent.ts"
import type { Usage } from "../domain/Run.ts"
import { ContentBlock, ContentDelta } from "../domain/ContentBlock.ts"
import { PartialData } from "../domain/RunEvent.ts"
import {
  SdkAssistant,
  SdkCompacted,
  SdkEnvelope,
  SdkNotice,
  SdkPermissionDenied,
  SdkRetry,
  SdkStatus,
  SdkStreamEvent,
  SdkToolProgress,
  SdkUser,
  type SdkUsage
} from "./SdkMessages.ts"

/** The model the CLI names when it writes an assistant's message itself, about a failure. */
export const syntheticModel = "<synthetic>"

/** A message's type and subtype, such as `system/init`; `unreadable` when it is no message at all. */
export const nameOf = (message: unknown): string => {
  const envelope = Option.getOrUndefined(Schema.decodeUnknownOption(SdkEnvelope)(message))
  if (envelope === undefined) return "unreadable"
  return envelope.type === "system" && envelope.subtype !== undefined ? `system/${envelope.subtype}` : envelope.type
}

/** The domain's usage of what the Messages API counted; what it left out is none. */
export const usageOf = (usage: SdkUsage): Usage => ({
  input_tokens: usage.input_tokens ?? 0,
  output_tokens: usage.output_tokens ?? 0,
  cache_read_input_tokens: usage.cache_read_input_tokens ?? 0,
  cache_creation_input_tokens: usage.cache_creation_input_tokens ?? 0
})

type Mapping = (message: unknown) => Option.Option<ReadonlyArray<AgentEvent>>

const mapping =
  <S extends Schema.Codec<unknown, unknown>>(
    schema: S,
    map: (message: S["Type"]) => ReadonlyArray<AgentEvent>
  ): Mapping =>
  (message) =>
    Option.map(Schema.decodeUnknownOption(schema)(message), map)

const none: Mapping = () => Option.some([])

const status = (status: string, message: string | null): AgentEvent => ({ event: "status", data: { status, message } })

const notice = (name: string) => mapping(SdkNotice, ({ content }) => [status(name, content ?? null)])

const partialType = Schema.is(PartialData.fields.type)
const contentDelta = Schema.is(ContentDelta)

const assistant = mapping(SdkAssistant, ({ message, uuid, parent_tool_use_id }) =>
  // What the CLI writes about a failed request becomes the turn's outcome, not a message of the model's.
  message.model === syntheticModel
    ? []
    : [
        {
          event: "message",
          data: {
            type: "assistant",
            content: message.content,
            model: message.model ?? null,
            uuid: uuid ?? null,
            usage: message.usage == null ? null : usageOf(message.usage),
            parent_tool_use_id: parent_tool_use_id ?? null
          }
        }
      ]
)

/** The CLI speaks to the model in the user's place: when it was interrupted, or when an answer broke off. */
const isFromCli = (content: string | ReadonlyArray<ContentBlock>, isSynthetic: boolean | undefined) =>
  isSynthetic === true ||
  (typeof content !== "string" && String(content[0]?.["text"]).startsWith("[Request interrupted by user"))

/** A summary names the CLI's own file of the conversation: a path of this machine, and gone after the turn. */
const withoutTranscript = (block: ContentBlock): ContentBlock =>
  Predicate.isString(block["text"])
    ? { ...block, text: block["text"].replaceAll(/\S+\/projects\/\S+\.jsonl/g, "[transcript]") }
    : block

const user = mapping(SdkUser, ({ message, uuid, parent_tool_use_id, isSynthetic }) => {
  const content = Predicate.isString(message.content) ? [{ type: "text", text: message.content }] : message.content
  const fromCli = isFromCli(message.content, isSynthetic)
  return [
    {
      event: "message",
      data: {
        type: fromCli ? "system" : "user",
        content: fromCli ? content.map(withoutTranscript) : content,
        model: null,
        uuid: uuid ?? null,
        usage: null,
        parent_tool_use_id: parent_tool_use_id ?? null
      }
    }
  ]
})

const partial = mapping(SdkStreamEvent, ({ event, parent_tool_use_id }) => {
  const { type, index, content_block, delta } = event
  if (!partialType(type)) return []
  return [
    {
      event: "partial",
      data: {
        type,
        index: index ?? 0,
        ...(content_block === undefined ? {} : { content_block }),
        ...(contentDelta(delta) ? { delta } : {}),
        parent_tool_use_id: parent_tool_use_id ?? null
      }
    }
  ]
})

const mappings = new Map<string, Mapping>(
  Object.entries({
    assistant,
    user,
    stream_event: partial,
    tool_progress: mapping(SdkToolProgress, ({ tool_name, tool_use_id, elapsed_time_seconds }) => [
      { event: "tool_progress", data: { tool_name, tool_use_id, elapsed_seconds: elapsed_time_seconds } }
    ]),
    "system/permission_denied": mapping(SdkPermissionDenied, ({ tool_name, tool_use_id, message }) => [
      { event: "permission_denied", data: { tool_name, tool_use_id, message: message ?? null } }
    ]),
    "system/api_retry": mapping(SdkRetry, ({ attempt, max_retries, retry_delay_ms, error_status, error }) => [
      {
        event: "retry",
        data: {
          attempt,
          max_attempts: max_retries,
          delay_ms: retry_delay_ms,
          status: error_status ?? null,
          reason: error
        }
      }
    ]),
    // `requesting` comes before every request to the model: it says nothing that the messages do not.
    "system/status": mapping(SdkStatus, ({ status: name, compact_error }) =>
      name === null || name === "requesting" ? [] : [status(name, compact_error ?? null)]
    ),
    "system/compact_boundary": mapping(SdkCompacted, ({ compact_metadata }) => [
      status("compacted", compact_metadata.trigger)
    ]),
    "system/informational": notice("informational"),
    "system/local_command_output": notice("command_output"),
    "system/model_fallback": notice("model_fallback"),
    "system/model_refusal_fallback": notice("model_fallback"),
    "system/model_refusal_no_fallback": notice("model_refusal"),
    "system/notification": none,
    "system/thinking_tokens": none,
    "system/hook_started": none,
    "system/hook_progress": none,
    "system/hook_response": none,
    "system/task_started": none,
    "system/task_progress": none,
    "system/task_updated": none,
    "system/task_notification": none,
    "system/background_tasks_changed": none,
    "system/session_state_changed": none,
    "system/session_title_changed": none,
    "system/commands_changed": none,
    "system/files_persisted": none,
    "system/ui_invalidate": none,
    "system/worker_shutting_down": none,
    active_goal: none,
    attachment: none,
    auth_status: none,
    command_lifecycle: none,
    prompt_suggestion: none,
    rate_limit_event: none,
    tool_use_summary: none
  })
)

/**
 * What an SDK message is to a client: events, nothing, or None when it is a message
 * that Causeway does not know or cannot read. Init, result and the mirror's errors are
 * not asked for here: they decide what becomes of the turn.
 */
export const eventsOf = (name: string, message: unknown): Option.Option<ReadonlyArray<AgentEvent>> =>
  Option.flatMap(Option.fromNullishOr(mappings.get(name)), (map) => map(message))
