import { Clock, Effect, Option, Schema } from "effect"
import type { AgentEvent, SuspendedCall } from "../domain/Agent.ts"
import { ContentBlock, ToolUseBlock } from "../domain/ContentBlock.ts"
import type { TranscriptNotStored, TranscriptUnreadable } from "../domain/errors/AgentErrors.ts"
import type { PermissionMode } from "../domain/RunOptions.ts"
import type { StoredTranscript, Transcript, TranscriptEntry } from "../domain/Transcript.ts"
import type { SuspendedSubagent } from "./AgentRuntime.ts"
import {
  type BrokenOff,
  type Conversation,
  continuationPrompt,
  decideTurn,
  pendingCalls,
  setAsideTurn,
  suspendTurn
} from "./InterruptedTranscript.ts"

/** The tool with which the CLI has a subagent go on with its conversation. Requests do not offer it by themselves. */
export const sendingTool = "SendMessage"

/** The names of the tool that calls subagents, in calls and in lists of tools. */
export const callingTools: ReadonlyArray<unknown> = ["Agent", "Task"]

const Metadata = Schema.Struct({
  type: Schema.Literal("agent_metadata"),
  /** The call that it works for. */
  toolUseId: Schema.String,
  parentAgentId: Schema.optionalKey(Schema.String)
})
const decodeMetadata = Schema.decodeUnknownOption(Metadata)

interface StoredSubagent extends SuspendedSubagent {
  readonly subpath: string
  readonly entries: ReadonlyArray<TranscriptEntry>
}

/** Those of the main agent's subagents that work for one of these calls. */
const subagentsOf = Effect.fnUntraced(function* (
  transcript: StoredTranscript,
  calls: ReadonlyArray<{ readonly id: string }>
) {
  const found: Array<StoredSubagent> = []
  for (const subpath of yield* transcript.subpaths) {
    const agentId = /^subagents\/agent-(\w+)$/.exec(subpath)?.[1]
    if (agentId === undefined) continue
    const entries = yield* transcript.load(subpath)
    const metadata = Option.getOrUndefined(decodeMetadata(entries.findLast(({ type }) => type === "agent_metadata")))
    if (metadata === undefined || metadata.parentAgentId !== undefined) continue
    const { toolUseId: calledBy } = metadata
    if (calls.some(({ id }) => id === calledBy)) found.push({ agentId, calledBy, subpath, entries })
  }
  return found
})

/** What the CLI is to be called with so that a subagent goes on. */
const inputFor = ({ agentId }: SuspendedSubagent) => ({
  to: agentId,
  summary: "Continue",
  message: continuationPrompt
})

const Message = Schema.StructWithRest(Schema.Struct({ content: Schema.Array(ContentBlock) }), [
  Schema.Record(Schema.String, Schema.Json)
])
const decodeMessage = Schema.decodeUnknownOption(Message)
const isToolUse = Schema.is(ToolUseBlock)

/**
 * An entry as the CLI is shown it that is to bring a subagent back: the call that began it is one now that has it go on.
 * What is stored stays as it was, and its result becomes that of the call.
 */
export const asContinuing = (entry: TranscriptEntry, subagent: SuspendedSubagent): TranscriptEntry => {
  const message = entry.type === "assistant" ? decodeMessage(entry["message"]) : Option.none()
  if (Option.isNone(message)) return entry
  const content = message.value.content.map((block) =>
    isToolUse(block) && block.id === subagent.calledBy
      ? { ...block, name: sendingTool, input: inputFor(subagent) }
      : block
  )
  return { ...entry, message: { ...message.value, content } }
}

/** What is added to a conversation before a turn goes on, and said of it. */
interface Continued extends Pick<BrokenOff, "events"> {
  readonly subagent: SuspendedSubagent
}

/**
 * Has a subagent go on that made a call which was asked about when its process went: it is told to make the call again,
 * and the CLI's first call is one that brings it back. None if no subagent made it, or what it worked for is over.
 */
export const bringBack = Effect.fn("SuspendedSubagent.bringBack")(function* (
  transcript: Transcript,
  asked: SuspendedCall,
  permissionMode: PermissionMode
): Effect.fn.Return<Option.Option<Continued>, TranscriptUnreadable | TranscriptNotStored> {
  const main = yield* transcript.ofRun
  const now = new Date(yield* Clock.currentTimeMillis)
  for (const stored of yield* subagentsOf(transcript, pendingCalls({ entries: main, calledBy: null }))) {
    const told = decideTurn(stored, asked, now)
    const { calledBy, subpath } = stored
    const first: SuspendedCall = { tool_use_id: calledBy, tool_name: sendingTool, input: inputFor(stored) }
    const resumed = suspendTurn(main, first, permissionMode, now)
    if (Option.isNone(told) || Option.isNone(resumed)) continue
    if (told.value.entries.length > 0) yield* transcript.append(subpath, told.value.entries)
    yield* transcript.append("", resumed.value.entries)
    return Option.some({ subagent: stored, events: [...told.value.events, ...resumed.value.events] })
  }
  return Option.none()
})

/**
 * Completes the conversations of an agent that was let go while a call was being decided, by itself or by a subagent:
 * calls beside it get a result that says that they were not made. Answers with these results.
 */
export const setAside = Effect.fn("SuspendedSubagent.setAside")(function* (
  transcript: Transcript,
  call: string,
  calledBy: string | null
): Effect.fn.Return<ReadonlyArray<AgentEvent>, TranscriptUnreadable | TranscriptNotStored> {
  const now = new Date(yield* Clock.currentTimeMillis)
  const main: Conversation = { entries: yield* transcript.ofRun, calledBy: null }
  const parts = [{ subpath: "", ...setAsideTurn(main, calledBy ?? call, now) }]
  if (calledBy !== null) {
    for (const stored of yield* subagentsOf(transcript, [{ id: calledBy }])) {
      parts.push({ subpath: stored.subpath, ...setAsideTurn(stored, call, now) })
    }
  }
  for (const { entries, subpath } of parts) {
    if (entries.length > 0) yield* transcript.append(subpath, entries)
  }
  return parts.flatMap(({ events }) => events)
})
