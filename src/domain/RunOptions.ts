import { Schema } from "effect"
import { ApprovalPolicy } from "./Approval.ts"
import { AgentReference, Subagents } from "./AgentReference.ts"
import { Hooks } from "./Hook.ts"
import { RunMemory } from "./MemorySettings.ts"
import { KeptTextReference } from "./KeptText.ts"
import { ModelName } from "./ModelName.ts"
import { ResourceReference } from "./ResourceName.ts"
import { ToolRules } from "./ToolRules.ts"

/** How much an agent may do unasked; see the SDK's permission modes. `bypassPermissions` needs a scope of its own. */
export const PermissionMode = Schema.Literals(["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"])
export type PermissionMode = typeof PermissionMode.Type

/** How hard the model thinks. */
export const Effort = Schema.Literals(["low", "medium", "high", "xhigh", "max"])

/** Extended thinking: left to the model, off, or with a budget in tokens. */
export const Thinking = Schema.Union([
  Schema.Struct({ type: Schema.Literals(["adaptive", "disabled"]) }),
  Schema.Struct({
    type: Schema.Literal("enabled"),
    budget_tokens: Schema.Int.check(Schema.isBetween({ minimum: 1024, maximum: 128_000 }))
  })
])

/** Longest schema of an answer as JSON, in bytes: the agent's program takes it as an argument, and those have an end. */
const longestFormat = 100_000

const encoder = new TextEncoder()

/** The form that an answer must have: a JSON Schema, by which the agent checks it. */
export const OutputFormat = Schema.Struct({
  type: Schema.Literal("json_schema"),
  schema: Schema.Record(Schema.String, Schema.Json).check(
    Schema.makeFilter((schema) =>
      encoder.encode(JSON.stringify(schema)).length <= longestFormat
        ? []
        : [{ path: [], issue: `may have at most ${longestFormat} bytes as JSON` }]
    )
  )
})

const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200_000))
const Path = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(4096), Schema.isPattern(/^[^\0]*$/))

/** The fields of a request that shape what the agent may do. They are named as on the wire. */
export const runOptionFields = {
  /** Model id or alias; the server's DEFAULT_MODEL when absent. */
  model: Schema.optionalKey(ModelName),
  /** Replaces the agent's system prompt. */
  system_prompt: Schema.optionalKey(Text),
  /** Added to the agent's system prompt. */
  system_prompt_append: Schema.optionalKey(Text),
  /** Which built-in tools exist for the agent; a safe set when absent, none when empty. */
  tools: Schema.optionalKey(ToolRules),
  /** Rules of tools that run unasked, such as `Bash(git status)`. */
  allowed_tools: Schema.optionalKey(ToolRules),
  /** Rules of tools that never run. */
  disallowed_tools: Schema.optionalKey(ToolRules),
  /** A tool preset, by name or id, whose rules are added to these; the tenant's default when absent, none when null. */
  tool_preset: Schema.optionalKey(Schema.NullOr(ResourceReference)),
  /**
   * Which of the tenant's and the workspace's skills the agent has, by name or id. When absent: all that are enabled,
   * unless `tools` says which tools there are.
   */
  skills: Schema.optionalKey(Schema.Array(KeptTextReference).check(Schema.isMaxLength(100))),
  permission_mode: Schema.optionalKey(PermissionMode),
  /** Whether people are asked what the agent may do; unless given it is refused at once. */
  approvals: Schema.optionalKey(ApprovalPolicy),
  /** The kept agent that leads the run: its prompt, tools, model and skills count where the request says none. */
  agent: Schema.optionalKey(AgentReference),
  /** Agents that the agent can have work done by. */
  agents: Schema.optionalKey(Subagents),
  /** Most turns of this run, 1 to 1000. */
  max_turns: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
  /** Most dollars of this run; checked after each response of the model. */
  max_budget_usd: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0.0001, maximum: 10_000 }))),
  /** Working directory inside the workspace roots; relative paths start at the tenant's own directory. */
  cwd: Schema.optionalKey(Path),
  /** More directories inside the workspace roots that the agent may use. */
  additional_directories: Schema.optionalKey(Schema.Array(Path).check(Schema.isMaxLength(20))),
  /** Environment of the agent's tools; only names that AGENT_ENV_ALLOW lists. */
  env: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.String.check(Schema.isMaxLength(32_768), Schema.isPattern(/^[^\0]*$/)))
  ),
  /** Which settings files are read: the workspace's own (`project`, `local`) or the tenant's (`user`). */
  setting_sources: Schema.optionalKey(Schema.Array(Schema.Literals(["user", "project", "local"]))),
  /** Whether the workspace is kept as it is before the agent begins, so that the session can go back to it. */
  enable_file_checkpointing: Schema.optionalKey(Schema.Boolean),
  /** Whether text is sent as it is written, as `partial` events. */
  include_partial_messages: Schema.optionalKey(Schema.Boolean),
  /** Whether memory is used, and whose; as the tenant set it when absent. */
  memory: Schema.optionalKey(RunMemory),
  effort: Schema.optionalKey(Effort),
  thinking: Schema.optionalKey(Thinking),
  /** Has the answer in a form, as `structured_output` of the result; an answer without it is a failure. */
  output_format: Schema.optionalKey(OutputFormat),
  /** Who is asked, by HTTP, before and after what the agent does. */
  hooks: Schema.optionalKey(Hooks),
  /** Whether `@path` and slash commands in the prompt are expanded; needs the scope `expand_prompt`. */
  expand_prompt: Schema.optionalKey(Schema.Boolean)
} as const

/** What a request asks of the agent, beside its prompt. */
export const RunOptions = Schema.Struct(runOptionFields)
export type RunOptions = typeof RunOptions.Type
