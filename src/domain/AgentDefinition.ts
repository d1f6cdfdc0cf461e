import { Schema } from "effect"
import { KeptTextReference } from "./KeptText.ts"
import { McpServerName } from "./McpServer.ts"
import { ModelName } from "./ModelName.ts"
import { spoken } from "./Spoken.ts"
import { ToolRules } from "./ToolRules.ts"

export const agentDefinitionFields = {
  /** When to use the agent, for the one that has the choice. */
  description: spoken(1000),
  /** Its system prompt. */
  prompt: spoken(50_000),
  /** The tools that exist for it; those of the request, or of the agent that calls it, when absent. */
  tools: Schema.optionalKey(Schema.NullOr(ToolRules)),
  /** Model id or alias; `inherit` or absent: the run's. */
  model: Schema.optionalKey(Schema.NullOr(ModelName)),
  /** Its skills, by name or id. */
  skills: Schema.optionalKey(Schema.NullOr(Schema.Array(KeptTextReference).check(Schema.isMaxLength(50)))),
  /**
   * The MCP servers whose tools it has, by name, beside `tools`; when absent those of the request, or of the agent that
   * calls it, and of these only what `tools` lets through.
   */
  mcp_servers: Schema.optionalKey(Schema.NullOr(Schema.Array(McpServerName).check(Schema.isMaxLength(100))))
} as const

/** What an agent is, whether it leads a run or is called as a subagent. */
export const AgentDefinition = Schema.Struct(agentDefinitionFields)
export type AgentDefinition = typeof AgentDefinition.Type
