import { randomUUID } from "node:crypto"
import type { Conversation } from "./Conversation.ts"
import { isRecord, type Step, type StopReason, type ToolCall, type Usage } from "./Script.ts"

export type Block =
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "text"; readonly text: string; readonly deltas: number }
  | {
      readonly type: "tool_use"
      readonly id: string
      readonly name: string
      readonly input: unknown
      readonly json: string
    }

export interface Answer {
  readonly id: string
  readonly model: string
  readonly blocks: ReadonlyArray<Block>
  readonly stopReason: StopReason
  readonly usage: Usage
}

const newId = (prefix: string) => `${prefix}_01${randomUUID().replaceAll("-", "").slice(0, 22)}`

const recall = (conversation: Conversation): string => {
  const earlier = conversation.userTexts.slice(0, -1)
  return earlier.length === 0 ? "nothing" : earlier.map((text, index) => `[${index}] ${text}`).join(" ")
}

/** `{{user.0}}`, `{{user.-1}}`, `{{prompt}}`, `{{turns}}`, `{{step}}`, `{{last_tool_result}}`, `{{tool_result.0}}`, … */
function valueOf(name: string, conversation: Conversation): string | undefined {
  const [list, position] = name.split(".")
  if (list === "user") return conversation.userTexts.at(Number(position)) ?? ""
  if (list === "tool_result") return conversation.toolResults.at(Number(position)) ?? ""
  switch (name) {
    case "prompt":
      return conversation.prompt
    case "turns":
      return String(conversation.userTexts.length)
    case "step":
      return String(conversation.step)
    case "recall":
      return recall(conversation)
    case "last_tool_result":
      return conversation.toolResults.at(-1) ?? ""
    case "model":
      return conversation.model
    case "session_id":
      return conversation.sessionId
    case "system":
      return conversation.system
    case "tools":
      return conversation.tools.join(", ")
    default:
      return undefined
  }
}

export const fillIn = (template: string, conversation: Conversation): string =>
  template.replaceAll(
    /\{\{\s*([a-z_]+(?:\.-?\d+)?)\s*\}\}/g,
    (found, name: string) => valueOf(name, conversation) ?? found
  )

function fillInAll(value: unknown, conversation: Conversation): unknown {
  if (typeof value === "string") return fillIn(value, conversation)
  if (Array.isArray(value)) return value.map((item) => fillInAll(item, conversation))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillInAll(item, conversation)]))
}

function toolUse(call: ToolCall, conversation: Conversation): Block {
  const input = fillInAll(call.input ?? {}, conversation)
  return {
    type: "tool_use",
    id: call.id ?? newId("toolu"),
    name: call.name,
    input,
    json: call.raw_input ?? JSON.stringify(input)
  }
}

/** All that users said, in the form in which the CLI expects a summary. */
export const summary = (conversation: Conversation): string =>
  `<analysis>The user said a few things.</analysis>\n<summary>The user said: ${recall(conversation)}</summary>`

export const quote = (conversation: Conversation): string =>
  `You said: ${conversation.prompt || "nothing"} (user turn ${conversation.userTexts.length})`

function textOf(step: Step, conversation: Conversation): string | undefined {
  const text = step.text === undefined ? undefined : fillIn(step.text, conversation)
  if (step.recall === undefined) return text
  const leadIn = step.recall === true ? "Before this you said:" : step.recall
  return `${text ?? ""}${leadIn} ${recall(conversation)}`
}

const hasContent = (step: Step): boolean =>
  [step.text, step.recall, step.tool, step.tools, step.deltas, step.thinking].some((part) => part !== undefined)

function blocksOf(step: Step, conversation: Conversation): ReadonlyArray<Block> {
  const text = hasContent(step) ? textOf(step, conversation) : quote(conversation)
  const calls: ReadonlyArray<ToolCall> = [
    ...(step.tool === undefined
      ? []
      : [
          {
            name: step.tool,
            input: step.input ?? {},
            ...(step.raw_input === undefined ? {} : { raw_input: step.raw_input })
          }
        ]),
    ...(step.tools ?? [])
  ]
  return [
    ...(step.thinking === undefined
      ? []
      : [
          {
            type: "thinking" as const,
            thinking: fillIn(step.thinking, conversation),
            signature: Buffer.from(`signature of ${step.thinking}`).toString("base64")
          }
        ]),
    ...(text === undefined && step.deltas === undefined
      ? []
      : [{ type: "text" as const, text: text ?? "x", deltas: step.deltas ?? 0 }]),
    ...calls.map((call) => toolUse(call, conversation))
  ]
}

const lengthOf = (block: Block): number => {
  switch (block.type) {
    case "thinking":
      return block.thinking.length
    case "text":
      return block.text.length * Math.max(1, block.deltas)
    case "tool_use":
      return block.json.length + block.name.length
  }
}

function usageOf(step: Step, conversation: Conversation, blocks: ReadonlyArray<Block>): Usage {
  const { before, last } = conversation.tokens
  const seen = conversation.userTexts.length > 1 || conversation.step > 0
  return {
    input_tokens: last,
    cache_creation_input_tokens: seen ? 0 : before,
    cache_read_input_tokens: seen ? before : 0,
    output_tokens: Math.max(1, Math.ceil(blocks.reduce((sum, block) => sum + lengthOf(block), 0) / 4)),
    ...step.usage
  }
}

/** `stop` is the step's own stop reason, where it applies to this request. */
export function answer(step: Step, conversation: Conversation, stop: StopReason | undefined): Answer {
  const blocks = stop === "refusal" && !hasContent(step) ? [] : blocksOf(step, conversation)
  const calls = blocks.some((block) => block.type === "tool_use")
  return {
    id: newId("msg"),
    model: conversation.model,
    blocks,
    stopReason: stop ?? (calls ? "tool_use" : "end_turn"),
    usage: usageOf(step, conversation, blocks)
  }
}
