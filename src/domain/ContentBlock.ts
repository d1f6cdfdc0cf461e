import { Schema } from "effect"

/** What the Messages API says beside what is named here is kept as it came. */
const block = <const Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Json)])

/** What the model wrote, or the user. */
export const TextBlock = block({ type: Schema.Literal("text"), text: Schema.String })

/** What the model thought before it wrote, as far as it is shown; `signature` proves that it is the model's own. */
export const ThinkingBlock = block({
  type: Schema.Literal("thinking"),
  thinking: Schema.String,
  signature: Schema.optionalKey(Schema.String)
})

/** Thoughts that are not shown. */
export const RedactedThinkingBlock = block({ type: Schema.Literal("redacted_thinking"), data: Schema.String })

/** The model calls a tool. */
export const ToolUseBlock = block({
  type: Schema.Literal("tool_use"),
  id: Schema.String,
  name: Schema.String,
  input: Schema.Json
})

/** What the tool came to. */
export const ToolResultBlock = block({
  type: Schema.Literal("tool_result"),
  tool_use_id: Schema.String,
  content: Schema.optionalKey(Schema.Json),
  is_error: Schema.optionalKey(Schema.Boolean)
})

/** Any other: images, and what the Messages API has beside these or will have. */
const OtherBlock = block({ type: Schema.String })

/** A block of a message, as the Messages API defines them. */
export const ContentBlock = Schema.Union([
  TextBlock,
  ThinkingBlock,
  RedactedThinkingBlock,
  ToolUseBlock,
  ToolResultBlock,
  OtherBlock
])
export type ContentBlock = typeof ContentBlock.Type

/** A piece of a block that is being written: text, a thought, its signature, or the JSON of a tool's input. */
export const ContentDelta = Schema.Union([
  block({ type: Schema.Literal("text_delta"), text: Schema.String }),
  block({ type: Schema.Literal("thinking_delta"), thinking: Schema.String }),
  block({ type: Schema.Literal("signature_delta"), signature: Schema.String }),
  block({ type: Schema.Literal("input_json_delta"), partial_json: Schema.String }),
  OtherBlock
])
export type ContentDelta = typeof ContentDelta.Type
