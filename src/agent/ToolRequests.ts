import type { CanUseTool, HookCallbackMatcher, Options, PermissionUpdate } from "@anthropic-ai/claude-agent-sdk"
import { Deferred, Effect, Queue, Schema } from "effect"
import type { ToolRequest } from "../domain/Agent.ts"
import { type ToolDecision, ToolInput } from "../domain/Approval.ts"
import type { BegunTurn } from "./AgentRuntime.ts"
import { ExpectedCalls } from "./ExpectedCalls.ts"

/** What is known of a tool call when its decision is asked for. */
export interface AskedTool extends Omit<ToolRequest, "endsWithProcess"> {
  /** The call's own id, also where it was asked about under another before. */
  readonly call: string
  readonly isOfSubagent: boolean
}

/** A tool call that waits for a decision. */
export interface OpenToolRequest {
  readonly request: AskedTool
  readonly decision: Deferred.Deferred<ToolDecision>
}

const decodeInput = Schema.decodeUnknownEffect(ToolInput)

type Rule = Extract<PermissionUpdate, { readonly type: "addRules" }>["rules"][number]

/** As the CLI writes it, which reads it again: parentheses in it are marked. */
const ruleText = ({ ruleContent, toolName }: Rule): string =>
  ruleContent === undefined ? toolName : `${toolName}(${ruleContent.replace(/[\\()]/g, "\\$&")})`

/** Of a command with several parts, or with a redirection, each is held against the rules: one for all of it allows nothing. */
const isInVain = ({ ruleContent = "", toolName }: Rule): boolean => toolName === "Bash" && /[&|;<>\n]/.test(ruleContent)

/** In a rule, or between parts of a command, these mean more than themselves. */
const isPlainCommand = (command: string): boolean => !/[*()\\\n&|;<>$`]/.test(command)
const isPlainPath = (path: string): boolean => path.startsWith("/") && !/[*?![\]()\\\n]/.test(path)

/** A rule that allows this call and no other one, where there is such a rule. */
const exactRule = (tool: string, { command, file_path }: ToolInput): ReadonlyArray<string> => {
  if (tool.startsWith("mcp__")) return [tool]
  if (tool === "Bash" && typeof command === "string" && isPlainCommand(command)) return [`Bash(${command})`]
  const writes = tool === "Write" || tool === "Edit"
  // A second slash makes it a path from the root of the file system.
  return writes && typeof file_path === "string" && isPlainPath(file_path) ? [`Edit(/${file_path})`] : []
}

/** What would allow the call from now on: what the SDK suggests, or else just the same call again. */
const rulesFor = (
  tool: string,
  input: ToolInput,
  suggestions: ReadonlyArray<PermissionUpdate> = []
): ReadonlyArray<string> => {
  const suggested = suggestions.flatMap((update) =>
    update.type === "addRules" && update.behavior === "allow" ? update.rules : []
  )
  if (suggested.length === 0) return exactRule(tool, input)
  return suggested.some(isInVain) ? [] : [...new Set(suggested.map(ruleText))]
}

type AtWork = (change: 1 | -1) => void

/** What a turn asks about its tools, and which of them are at work. */
export interface ToolRequests {
  readonly open: Queue.Dequeue<OpenToolRequest>
  /** Calls that were begun, until they have a result; those that are being decided among them. */
  readonly begun: Set<string>
  readonly deciding: Set<string>
  readonly expected: ExpectedCalls
  readonly options: (atWork: AtWork) => Pick<Options, "canUseTool">
  /** Sees every call before it is made; null where nobody is to be asked. */
  readonly hook: HookCallbackMatcher | null
}

/** Makes the SDK's callbacks of a turn; what they ask is put into the queue, and they wait for the decisions. */
export const makeToolRequests = Effect.fnUntraced(function* (turn: BegunTurn) {
  const open = yield* Queue.unbounded<OpenToolRequest>()
  const run = Effect.runPromiseWith(yield* Effect.context())
  const begun = new Set<string>()
  const deciding = new Set<string>()
  const expected = new ExpectedCalls(turn)

  const ask = Effect.fnUntraced(function* (request: AskedTool) {
    const decision = yield* Deferred.make<ToolDecision>()
    yield* Queue.offer(open, { request, decision })
    return yield* Deferred.await(decision)
  })

  const canUseTool =
    (atWork: AtWork): CanUseTool =>
    async (tool_name, given, { agentID, decisionReason, signal, suggestions, toolUseID }) => {
      const requestOf = (input: ToolInput): AskedTool => ({
        call: toolUseID,
        tool_name,
        tool_use_id: expected.askedAs({ id: toolUseID, tool: tool_name, input: given, agent: agentID }) ?? toolUseID,
        input,
        reason: decisionReason ?? null,
        rules: rulesFor(tool_name, input, suggestions),
        isOfSubagent: agentID !== undefined
      })
      begun.add(toolUseID)
      deciding.add(toolUseID)
      atWork(1)
      try {
        const decided = await run(
          Effect.flatMap(decodeInput(given), (input) => ask(requestOf(input))),
          { signal }
        )
        return decided.behavior === "deny" ? decided : { behavior: "allow", updatedInput: { ...decided.input } }
      } finally {
        deciding.delete(toolUseID)
        atWork(-1)
      }
    }

  const hook: HookCallbackMatcher = {
    hooks: [
      async (input, id) => {
        if (id === undefined) return {}
        begun.add(id)
        if (input.hook_event_name !== "PreToolUse") return {}
        const { agent_id: agent, tool_input, tool_name: tool } = input
        const decision = expected.decide({ id, tool, input: tool_input, agent })
        return decision === null
          ? {}
          : { hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: decision } }
      }
    ]
  }

  const isAsking = turn.options.approvals?.mode === "ask"
  return {
    open,
    begun,
    deciding,
    expected,
    options: (atWork) => (isAsking ? { canUseTool: canUseTool(atWork) } : {}),
    hook: isAsking ? hook : null
  } satisfies ToolRequests
})
