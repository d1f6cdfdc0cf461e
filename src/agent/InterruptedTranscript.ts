import { Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import type { AgentEvent } from "../domain/Agent.ts"
import { ContentBlock } from "../domain/ContentBlock.ts"
import type { TranscriptEntry } from "../domain/Transcript.ts"
import type { AgentTurn } from "./AgentRuntime.ts"

/** What an agent is told that goes on in the middle of a turn. It is the CLI's own text for this. */
export const continuationPrompt = "Continue from where you left off."

/** What it is told instead of the result of a tool call that was under way. */
const unknownResult =
  "The result of this call is unknown: the machine that ran it went away. It may have taken effect wholly, in part or not at all. Find out before you do it again."

const Turn = Schema.Struct({
  type: Schema.Literals(["user", "assistant"]),
  uuid: Schema.String,
  isSidechain: Schema.optionalKey(Schema.Boolean),
  message: Schema.Struct({ content: Schema.Union([Schema.String, Schema.Array(ContentBlock)]) })
})
const decodeTurn = Schema.decodeUnknownOption(Turn)

interface PendingCall {
  readonly id: string
  /** The entry that made the call. */
  readonly caller: TranscriptEntry
}

/** The tool calls of the last turn that have no result, oldest first. */
const pendingCalls = (entries: ReadonlyArray<TranscriptEntry>): ReadonlyArray<PendingCall> => {
  const pending = new Map<string, PendingCall>()
  for (const entry of entries) {
    const turn = Option.getOrUndefined(decodeTurn(entry))
    if (turn === undefined || turn.isSidechain === true) continue
    const blocks = typeof turn.message.content === "string" ? [] : turn.message.content
    const answered = blocks.filter(({ type }) => type === "tool_result")
    // With a prompt of the user's a new turn begins.
    if (turn.type === "user" && answered.length === 0) pending.clear()
    for (const block of answered) pending.delete(String(block["tool_use_id"]))
    if (turn.type === "user") continue
    for (const { id, type } of blocks) {
      if (type === "tool_use" && typeof id === "string") pending.set(id, { id, caller: entry })
    }
  }
  return [...pending.values()]
}

/** Whether the run had put its prompt into the conversation, by what it had stored of it. */
export const hasPrompt = (entries: ReadonlyArray<TranscriptEntry>, { options, prompt }: AgentTurn): boolean =>
  entries.some((entry) => {
    const turn = Option.getOrUndefined(decodeTurn(entry))
    if (turn?.type !== "user" || turn.isSidechain === true) return false
    const { content } = turn.message
    const text = typeof content === "string" ? content : content.map((block) => block["text"] ?? "").join("")
    // One that the CLI expands stands there in other words.
    return text === prompt || options.expand_prompt === true
  })

/** The end of a conversation that broke off in the middle of a turn. */
export interface BrokenOff {
  /** What is to be added to the conversation, so that every tool call in it has a result. */
  readonly entries: ReadonlyArray<TranscriptEntry>
  /** The same as events. */
  readonly events: ReadonlyArray<AgentEvent>
}

/** Completes a conversation that broke off: calls whose result nobody knows get one that says so. */
export const completeTurn = (entries: ReadonlyArray<TranscriptEntry>, now: Date): BrokenOff => {
  const results = pendingCalls(entries).map(({ caller, id }) => {
    const { message: _message, requestId: _requestId, ...about } = caller
    const content = [{ type: "tool_result", tool_use_id: id, content: unknownResult, is_error: true }]
    const uuid = randomUUID()
    const entry: TranscriptEntry = {
      ...about,
      type: "user",
      uuid,
      parentUuid: caller.uuid ?? null,
      sourceToolAssistantUUID: caller.uuid ?? null,
      message: { role: "user", content },
      timestamp: now.toISOString()
    }
    const event: AgentEvent = {
      event: "message",
      data: { type: "user", content, model: null, uuid, usage: null, parent_tool_use_id: null }
    }
    return { entry, event }
  })
  return { entries: results.map(({ entry }) => entry), events: results.map(({ event }) => event) }
}
