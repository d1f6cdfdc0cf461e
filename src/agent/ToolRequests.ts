import type { CanUseTool, Options, PermissionUpdate } from "@anthropic-ai/claude-agent-sdk"
import { Deferred, Effect, Queue, Schema } from "effect"
import type { ToolRequest } from "../domain/Agent.ts"
import { type ToolDecision, ToolInput } from "../domain/Approval.ts"
import type { AgentTurn } from "./AgentRuntime.ts"

/** A tool call that waits for a decision. */
export interface OpenToolRequest {
  readonly request: ToolRequest
  readonly decision: Deferred.Deferred<ToolDecision>
}

const decodeInput = Schema.decodeUnknownEffect(ToolInput)

type Rule = Extract<PermissionUpdate, { readonly type: "addRules" }>["rules"][number]

const ruleText = ({ ruleContent, toolName }: Rule): string =>
  ruleContent === undefined ? toolName : `${toolName}(${ruleContent})`

const ruleOf = (text: string): Rule => {
  const [, toolName = text, ruleContent] = /^([^(]+)\((.*)\)$/s.exec(text) ?? []
  return ruleContent === undefined ? { toolName } : { toolName, ruleContent }
}

/** In a rule these mean more than themselves. */
const hasPattern = (text: string): boolean => /[*()\\\n]/.test(text)

/** A rule that allows this call and no other one, where there is such a rule. */
const exactRule = (tool: string, { command, file_path }: ToolInput): ReadonlyArray<string> => {
  if (tool.startsWith("mcp__")) return [tool]
  if (tool === "Bash" && typeof command === "string" && !hasPattern(command)) return [`Bash(${command})`]
  const writes = tool === "Write" || tool === "Edit"
  // A second slash makes it a path from the root of the file system.
  if (writes && typeof file_path === "string" && file_path.startsWith("/") && !hasPattern(file_path)) {
    return [`Edit(/${file_path})`]
  }
  return []
}

/** What would allow the call from now on: what the SDK suggests, or else just the same call again. */
const rulesFor = (
  tool: string,
  input: ToolInput,
  suggestions: ReadonlyArray<PermissionUpdate> = []
): ReadonlyArray<string> => {
  const suggested = suggestions.flatMap((update) =>
    update.type === "addRules" && update.behavior === "allow" ? update.rules.map(ruleText) : []
  )
  return suggested.length > 0 ? [...new Set(suggested)] : exactRule(tool, input)
}

/** Makes the SDK's callback of a turn; what it asks is put into the queue, and it waits for the decision. */
export const makeToolRequests = Effect.fnUntraced(function* (turn: AgentTurn) {
  const open = yield* Queue.unbounded<OpenToolRequest>()
  const run = Effect.runPromiseWith(yield* Effect.context())

  const ask = Effect.fnUntraced(function* (request: ToolRequest) {
    const decision = yield* Deferred.make<ToolDecision>()
    yield* Queue.offer(open, { request, decision })
    return yield* Deferred.await(decision)
  })

  const canUseTool =
    (atWork: (change: 1 | -1) => void): CanUseTool =>
    async (tool_name, given, { agentID, decisionReason, signal, suggestions, toolUseID }) => {
      atWork(1)
      try {
        const input = await run(decodeInput(given), { signal })
        const rules = rulesFor(tool_name, input, suggestions)
        const request: ToolRequest = {
          tool_name,
          tool_use_id: toolUseID,
          input,
          reason: decisionReason ?? null,
          rules,
          isOfSubagent: agentID !== undefined
        }
        const decided = await run(ask(request), { signal })
        if (decided.behavior === "deny") return decided
        const allowed = decided.rules.map(ruleOf)
        return {
          behavior: "allow",
          updatedInput: { ...decided.input },
          ...(allowed.length === 0
            ? {}
            : {
                updatedPermissions: [
                  {
                    type: "addRules" as const,
                    rules: allowed,
                    behavior: "allow" as const,
                    destination: "session" as const
                  }
                ]
              })
        }
      } finally {
        atWork(-1)
      }
    }

  const options = (atWork: (change: 1 | -1) => void): Pick<Options, "canUseTool"> =>
    turn.options.approvals?.mode === "ask" ? { canUseTool: canUseTool(atWork) } : {}

  return { open, options }
})
