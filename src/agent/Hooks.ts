import type {
  HookCallbackMatcher,
  HookInput,
  HookJSONOutput,
  Options,
  PreToolUseHookInput
} from "@anthropic-ai/claude-agent-sdk"
import { Effect, Option, Schema } from "effect"
import type { HookAnswer, HookCall, HookEvent } from "../domain/Hook.ts"
import type { TurnHook } from "./AgentRuntime.ts"
import type { ExpectedCalls } from "./ExpectedCalls.ts"

/** How much later than Causeway's own limit the SDK's is, in seconds: it must never be the one that counts. */
const slack = 30

const Fields = Schema.Struct({
  tool_name: Schema.optionalKey(Schema.String),
  tool_use_id: Schema.optionalKey(Schema.String),
  tool_input: Schema.optionalKey(Schema.Json),
  tool_response: Schema.optionalKey(Schema.Json),
  prompt: Schema.optionalKey(Schema.String),
  stop_hook_active: Schema.optionalKey(Schema.Boolean),
  last_assistant_message: Schema.optionalKey(Schema.String),
  agent_type: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  trigger: Schema.optionalKey(Schema.String)
})
const decode = Schema.decodeUnknownOption(Fields)

/** What is told of an event, in the words of the wire. */
const callOf = (hook_event: HookEvent, input: HookInput): HookCall => {
  const known = Option.getOrElse(decode(input), (): typeof Fields.Type => ({}))
  const { agent_type, last_assistant_message, message, prompt, stop_hook_active, tool_response, trigger } = known
  return {
    hook_event,
    ...(known.tool_name === undefined ? {} : { tool_name: known.tool_name }),
    ...(known.tool_use_id === undefined ? {} : { tool_use_id: known.tool_use_id }),
    ...(known.tool_input === undefined ? {} : { tool_input: known.tool_input }),
    ...(prompt === undefined ? {} : { tool_input: { prompt } }),
    ...(tool_response === undefined ? {} : { tool_result: tool_response }),
    ...(stop_hook_active === undefined
      ? {}
      : { result_data: { stop_hook_active, result: last_assistant_message ?? null } }),
    // Who summarises a conversation has no name.
    ...(agent_type === undefined || agent_type === "" ? {} : { subagent_name: agent_type }),
    ...(message === undefined ? {} : { message }),
    ...(trigger === undefined ? {} : { trigger })
  }
}

const outputOf = (event: HookEvent, { decision, modified_input, reason }: HookAnswer): HookJSONOutput => {
  if (event === "PreToolUse") {
    return {
      hookSpecificOutput: {
        hookEventName: event,
        permissionDecision: decision,
        ...(reason == null ? {} : { permissionDecisionReason: reason }),
        ...(modified_input == null ? {} : { updatedInput: { ...modified_input } })
      }
    }
  }
  const mayBlock = event !== "PreCompact" && event !== "Notification"
  return mayBlock && decision === "deny" ? { decision: "block", reason: reason ?? "A hook refused it." } : {}
}

/** The SDK's callbacks of a turn. `atWork` is called with 1 when one begins, and with -1 when it ends. */
export type MakeHooks = (atWork: (change: 1 | -1) => void) => Pick<Options, "hooks">

/** Makes what makes them. About calls with which a turn goes on, who is asked has been asked already. */
export const sdkHooks = (hooks: ReadonlyArray<TurnHook>, expected: ExpectedCalls, own: HookCallbackMatcher | null) =>
  Effect.map(Effect.context(), (context): MakeHooks => (atWork) => {
    const run = Effect.runPromiseWith(context)
    const isSettled = ({ agent_id: agent, tool_input, tool_name: tool }: PreToolUseHookInput, id: string | undefined) =>
      id !== undefined && expected.isSettled({ id, tool, input: tool_input, agent })
    const matchers: Partial<Record<HookEvent, Array<HookCallbackMatcher>>> = {}
    if (own !== null) matchers.PreToolUse = [own]
    for (const { call, event, matcher, timeout } of hooks) {
      const list = (matchers[event] ??= [])
      list.push({
        ...(matcher === undefined ? {} : { matcher }),
        timeout: timeout + slack,
        // Should a callback ever throw: a tool that somebody was to be asked about does not run.
        onFailure: event === "PreToolUse" ? "block" : "continue",
        hooks: [
          async (input, id, { signal }) => {
            if (input.hook_event_name === "PreToolUse" && isSettled(input, id)) return {}
            atWork(1)
            try {
              return outputOf(event, await run(call(callOf(event, input)), { signal }))
            } finally {
              atWork(-1)
            }
          }
        ]
      })
    }
    return Object.keys(matchers).length === 0 ? {} : { hooks: matchers }
  })
