import type { Answer, Block } from "./Answer.ts"
import type { Usage } from "./Script.ts"

export interface Frame {
  readonly event: string
  readonly data: unknown
}

export const encode = (frame: Frame): string => `event: ${frame.event}\ndata: ${JSON.stringify(frame.data)}\n\n`

export const isDelta = (frame: Frame): boolean => frame.event === "content_block_delta"

const usageBody = (usage: Usage) => ({
  ...usage,
  cache_creation: { ephemeral_5m_input_tokens: usage.cache_creation_input_tokens, ephemeral_1h_input_tokens: 0 },
  service_tier: "standard"
})

const head = (answer: Answer) => ({ id: answer.id, type: "message", role: "assistant", model: answer.model })

const content = (block: Block) => {
  switch (block.type) {
    case "thinking":
      return block
    case "text":
      return { type: "text", text: block.deltas > 0 ? block.text.repeat(block.deltas) : block.text }
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: block.input }
  }
}

/** The whole message at once, for a request that does not stream. */
export const messageBody = (answer: Answer) => ({
  ...head(answer),
  content: answer.blocks.map(content),
  stop_reason: answer.stopReason,
  stop_sequence: null,
  usage: usageBody(answer.usage)
})

const pieces = (text: string, size: number): ReadonlyArray<string> =>
  text.match(new RegExp(`[\\s\\S]{1,${size}}`, "gu")) ?? []

function* deltas(block: Block, size: number): Generator<object> {
  switch (block.type) {
    case "thinking":
      for (const thinking of pieces(block.thinking, size)) yield { type: "thinking_delta", thinking }
      yield { type: "signature_delta", signature: block.signature }
      return
    case "text":
      if (block.deltas === 0) for (const text of pieces(block.text, size)) yield { type: "text_delta", text }
      for (let sent = 0; sent < block.deltas; sent++) yield { type: "text_delta", text: block.text }
      return
    case "tool_use":
      yield { type: "input_json_delta", partial_json: "" }
      for (const partial_json of pieces(block.json, size)) yield { type: "input_json_delta", partial_json }
  }
}

const opening = (block: Block) => {
  switch (block.type) {
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" }
    case "text":
      return { type: "text", text: "" }
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: {} }
  }
}

/** The message as the events of a stream, with `size` characters in each delta. */
export function* frames(answer: Answer, size: number): Generator<Frame> {
  const message = {
    ...head(answer),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageBody({ ...answer.usage, output_tokens: 1 })
  }
  yield { event: "message_start", data: { type: "message_start", message } }
  yield { event: "ping", data: { type: "ping" } }
  for (const [index, block] of answer.blocks.entries()) {
    yield { event: "content_block_start", data: { type: "content_block_start", index, content_block: opening(block) } }
    for (const delta of deltas(block, size)) {
      yield { event: "content_block_delta", data: { type: "content_block_delta", index, delta } }
    }
    yield { event: "content_block_stop", data: { type: "content_block_stop", index } }
  }
  const delta = { stop_reason: answer.stopReason, stop_sequence: null }
  yield { event: "message_delta", data: { type: "message_delta", delta, usage: answer.usage } }
  yield { event: "message_stop", data: { type: "message_stop" } }
}
