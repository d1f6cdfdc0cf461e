import { Schema } from "effect"
import { agentDefinitionFields } from "./AgentDefinition.ts"
import { AgentId, AgentVersionNumber } from "./AgentReference.ts"
import { McpServerName } from "./McpServer.ts"
import { Moment } from "./Moment.ts"
import { ResourceName } from "./ResourceName.ts"

/** What a client says of an agent. */
export const NewAgent = Schema.Struct({ name: ResourceName, ...agentDefinitionFields }).annotate({
  identifier: "NewAgent"
})
export type NewAgent = typeof NewAgent.Type

/** An agent's new content. It becomes the next version. */
export const AgentUpdate = Schema.Struct({
  ...NewAgent.fields,
  id: Schema.optionalKey(AgentId),
  /** The version that the client has seen: with one that is not the latest the agent stays as it is. */
  version: Schema.optionalKey(AgentVersionNumber)
}).annotate({ identifier: "AgentUpdate" })
export type AgentUpdate = typeof AgentUpdate.Type

const seenFields = {
  name: Schema.String,
  version: Schema.Int,
  description: Schema.String,
  prompt: Schema.String,
  tools: Schema.NullOr(Schema.Array(Schema.String)),
  model: Schema.NullOr(Schema.String),
  skills: Schema.NullOr(Schema.Array(Schema.String)),
  mcp_servers: Schema.NullOr(Schema.Array(McpServerName))
} as const

/** An agent that a tenant keeps, in its latest version. */
export class KeptAgent extends Schema.Class<KeptAgent>("Agent")({
  id: AgentId,
  ...seenFields,
  /** Whether somebody who has a token can see it. */
  is_shared: Schema.Boolean,
  created_at: Moment,
  updated_at: Moment
}) {}

/** An agent as it was, or still is. */
export class AgentVersion extends Schema.Class<AgentVersion>("AgentVersion")({ ...seenFields, created_at: Moment }) {}
