import { Option, Schema } from "effect"
import type { AgentProcessFailure } from "../domain/errors/AgentErrors.ts"
import type { ModelFailure } from "../domain/errors/ModelErrors.ts"
import { callingTools } from "./SuspendedSubagent.ts"
import { SdkAssistant, SdkRetry, SdkUser } from "./SdkMessages.ts"

/** Why a turn is being stopped before it ends by itself. */
export type Verdict =
  { readonly _tag: "Interrupted" } | { readonly _tag: "Failed"; readonly failure: AgentProcessFailure | ModelFailure }

const readAssistant = Schema.decodeUnknownOption(SdkAssistant)
const readUser = Schema.decodeUnknownOption(SdkUser)
const readRetry = Schema.decodeUnknownOption(SdkRetry)

/** What a turn's messages say about its state: what runs, what went wrong last, until when silence is in order. */
export class TurnWatch {
  ready = false
  over = false
  verdict: Verdict | undefined
  lastError: string | undefined
  /** By `performance.now()`: until then the CLI waits before it repeats a request. */
  quietUntil = 0
  readonly #tools = new Set<unknown>()
  readonly #calls = new Map<unknown, { readonly tool: unknown; readonly calledBy: string | null }>()
  readonly #done = new Set<unknown>()

  get toolRunning(): boolean {
    return this.#tools.size > 0
  }

  /** Whether a message with this tool call has come. */
  hasSeen(tool_use_id: string): boolean {
    return this.#calls.has(tool_use_id)
  }

  /** The call that the subagent works for which makes this one; null for the main agent, and undefined if it is unknown. */
  callerOf(tool_use_id: string): string | null | undefined {
    return this.#calls.get(tool_use_id)?.calledBy
  }

  /** Whether this is a call of the main agent that has a subagent work. */
  callsSubagent(tool_use_id: string): boolean {
    const call = this.#calls.get(tool_use_id)
    return call?.calledBy === null && callingTools.includes(call.tool)
  }

  /** Whether the result of this tool call has come. */
  isDone(tool_use_id: string): boolean {
    return this.#done.has(tool_use_id)
  }

  see(name: string, message: unknown): void {
    if (name === "assistant") {
      const assistant = Option.getOrUndefined(readAssistant(message))
      this.lastError = assistant?.api_error ?? assistant?.error
      for (const block of assistant?.message.content ?? []) {
        if (block.type !== "tool_use") continue
        this.#tools.add(block["id"])
        this.#calls.set(block["id"], { tool: block["name"], calledBy: assistant?.parent_tool_use_id ?? null })
      }
    } else if (name === "user") {
      const content = Option.getOrUndefined(readUser(message))?.message.content ?? []
      if (typeof content === "string") return
      for (const block of content) {
        this.#tools.delete(block["tool_use_id"])
        this.#done.add(block["tool_use_id"])
      }
    } else if (name === "system/api_retry") {
      const retry = Option.getOrUndefined(readRetry(message))
      if (retry !== undefined) this.quietUntil = performance.now() + retry.retry_delay_ms
    }
  }
}
