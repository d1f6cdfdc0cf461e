import { Schema } from "effect"
import { AgentDefinition } from "./AgentDefinition.ts"
import { LoadedImage } from "./Image.ts"
import { McpConnection } from "./McpServer.ts"

/** A text that agents find under a name: a skill, or what a slash command stands for. */
export const NamedText = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  content: Schema.String
})
export type NamedText = typeof NamedText.Type

/** An MCP server that an agent gets. */
export const EquippedMcpServer = Schema.Struct({
  name: Schema.String,
  /** Null when what is stored of it cannot be read: the agent does without it, and the run says so. */
  connection: Schema.NullOr(McpConnection),
  /** Names of its tools that run unasked. */
  allowed_tools: Schema.Array(Schema.String),
  /** Whether it is the operator's own, so that its address may be any. */
  trusted: Schema.Boolean
})
export type EquippedMcpServer = typeof EquippedMcpServer.Type

/**
 * What an agent gets for a run beside its prompt, its model and its tools. It is kept with the run's order, so that it
 * is the same on another instance, whatever has been changed or deleted since.
 */
export const AgentEquipment = Schema.Struct({
  /** Whom it can have work done by, by name. Their skills and servers are names in `skills` and `mcpServers`. */
  subagents: Schema.Record(Schema.String, AgentDefinition),
  /** Its own and its subagents' skills. */
  skills: Schema.Array(NamedText),
  /** The names of those that are its own; the others exist for subagents alone. */
  ownSkills: Schema.Array(Schema.String),
  commands: Schema.Array(NamedText),
  /** Its own and its subagents' MCP servers. */
  mcpServers: Schema.Array(EquippedMcpServer),
  /** The names of those that are its own; the others exist for subagents alone. */
  ownMcpServers: Schema.Array(Schema.String),
  /** The pictures that go with its prompt. */
  images: Schema.Array(LoadedImage)
})
export type AgentEquipment = typeof AgentEquipment.Type

/** An agent that has nothing but its tools. */
export const noEquipment: AgentEquipment = {
  subagents: {},
  skills: [],
  ownSkills: [],
  commands: [],
  mcpServers: [],
  ownMcpServers: [],
  images: []
}
