import { Equal, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import type { AgentEvent, SuspendedCall } from "../domain/Agent.ts"
import { ContentBlock } from "../domain/ContentBlock.ts"
import type { PermissionMode } from "../domain/RunOptions.ts"
import type { TranscriptEntry } from "../domain/Transcript.ts"
import type { AgentTurn } from "./AgentRuntime.ts"
import { callsIn } from "./TranscriptStore.ts"

/** What an agent is told that goes on in the middle of a turn. It is the CLI's own text for this. */
export const continuationPrompt = "Continue from where you left off."

/** What it is told instead of the result of a tool call that was under way. */
const unknownResult =
  "The result of this call is unknown: the machine that ran it went away. It may have taken effect wholly, in part or not at all. Find out before you do it again."

/** The same of a call that a person has decided about meanwhile, and that only its own subagent can make. */
const decidedMeanwhile =
  "This call was not made yet: it had to wait for a person's decision, and you were set aside meanwhile. The decision is there now. Make exactly this call again, with the same input: it is made, or refused, as was decided."

/** The same of a call that was not made, because another one of its message waits for a decision. */
const notMade =
  "This call was not made: another one of the same message had to wait for a decision. Make it again if it is still needed."

const Turn = Schema.Struct({
  type: Schema.Literals(["user", "assistant"]),
  uuid: Schema.String,
  isSidechain: Schema.optionalKey(Schema.Boolean),
  message: Schema.Struct({ content: Schema.Union([Schema.String, Schema.Array(ContentBlock)]) })
})
const decodeTurn = Schema.decodeUnknownOption(Turn)

/** What is stored of a conversation. */
export interface Conversation {
  readonly entries: ReadonlyArray<TranscriptEntry>
  /** The call that it is held for; null for the main agent's. */
  readonly calledBy: string | null
}

interface PendingCall {
  readonly id: string
  readonly tool: unknown
  readonly input: unknown
  /** The entry that made the call. */
  readonly caller: TranscriptEntry
}

/** The tool calls of the last turn that have no result, oldest first. */
export const pendingCalls = ({ calledBy, entries }: Conversation): ReadonlyArray<PendingCall> => {
  const pending = new Map<string, PendingCall>()
  for (const entry of entries) {
    const turn = Option.getOrUndefined(decodeTurn(entry))
    if (turn === undefined || (turn.isSidechain === true) !== (calledBy !== null)) continue
    const blocks = typeof turn.message.content === "string" ? [] : turn.message.content
    const answered = blocks.filter(({ type }) => type === "tool_result")
    // With a prompt of the user's a new turn begins.
    if (turn.type === "user" && answered.length === 0) pending.clear()
    for (const block of answered) pending.delete(String(block["tool_use_id"]))
    if (turn.type === "user") continue
    for (const { id, input, name: tool, type } of blocks) {
      if (type === "tool_use" && typeof id === "string") pending.set(id, { id, tool, input, caller: entry })
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

/** Completes a conversation: calls without a result get one that says why there is none. */
const complete = (
  calls: ReadonlyArray<PendingCall>,
  text: string,
  now: Date,
  parent_tool_use_id: string | null
): BrokenOff => {
  const results = calls.map(({ caller, id }) => {
    const { message: _message, requestId: _requestId, ...about } = caller
    const content = [{ type: "tool_result", tool_use_id: id, content: text, is_error: true }]
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
      data: { type: "user", content, model: null, uuid, usage: null, parent_tool_use_id }
    }
    return { entry, event }
  })
  return { entries: results.map(({ entry }) => entry), events: results.map(({ event }) => event) }
}

/** Completes a conversation that broke off: calls whose result nobody knows get one that says so. */
export const completeTurn = (conversation: Conversation, now: Date): BrokenOff =>
  complete(pendingCalls(conversation), unknownResult, now, conversation.calledBy)

/** The same of one whose agent was let go while a call was being decided: the others were not made. */
export const setAsideTurn = (conversation: Conversation, tool_use_id: string, now: Date): BrokenOff =>
  complete(
    pendingCalls(conversation).filter(({ id }) => id !== tool_use_id),
    notMade,
    now,
    conversation.calledBy
  )

/**
 * The same of one in which a call is to be made again, since it has been decided about meanwhile. None when the
 * conversation has no such call.
 */
export const decideTurn = (
  conversation: Conversation,
  { input, tool_name, tool_use_id }: SuspendedCall,
  now: Date
): Option.Option<BrokenOff> => {
  if (!conversation.entries.some((entry) => callsIn(entry).includes(tool_use_id))) return Option.none()
  const { calledBy } = conversation
  const pending = pendingCalls(conversation)
  // It may have been made again, by an agent that then went without having heard of the decision either.
  const isDecided = (call: PendingCall) =>
    call.id === tool_use_id || (call.tool === tool_name && Equal.equals(call.input, input))
  const others = pending.filter((call) => !isDecided(call))
  const parts = [
    complete(others, unknownResult, now, calledBy),
    complete(pending.filter(isDecided), decidedMeanwhile, now, calledBy)
  ]
  return Option.some({
    entries: parts.flatMap(({ entries }) => entries),
    events: parts.flatMap(({ events }) => events)
  })
}

/**
 * Has the CLI make a call of the main agent that had no result when its process went, before anything else: it takes the
 * call for one that a hook has put off, and asks about it again. None when there is no such call without a result.
 */
export const suspendTurn = (
  main: ReadonlyArray<TranscriptEntry>,
  { input, tool_name, tool_use_id }: SuspendedCall,
  permissionMode: PermissionMode,
  now: Date
): Option.Option<BrokenOff> => {
  const pending = pendingCalls({ entries: main, calledBy: null })
  const call = pending.find(({ id }) => id === tool_use_id)
  if (call === undefined) return Option.none()
  const others = complete(
    pending.filter((one) => one !== call),
    unknownResult,
    now,
    null
  )
  const { message: _message, requestId: _requestId, ...about } = call.caller
  const before = [...main, ...others.entries].findLast(({ uuid }) => uuid !== undefined)
  const marker: TranscriptEntry = {
    ...about,
    type: "attachment",
    uuid: randomUUID(),
    parentUuid: before?.uuid ?? null,
    timestamp: now.toISOString(),
    attachment: {
      type: "hook_deferred_tool",
      toolUseID: tool_use_id,
      toolName: tool_name,
      toolInput: input,
      hookName: "PreToolUse",
      hookEvent: "PreToolUse",
      permissionMode
    }
  }
  return Option.some({ entries: [...others.entries, marker], events: others.events })
}
