import { Schema } from "effect"
import { AgentDefinition } from "./AgentDefinition.ts"
import { ResourceName, ResourceReference } from "./ResourceName.ts"

/** Identifies an agent. */
export const AgentId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("AgentId"))
export type AgentId = typeof AgentId.Type

/** The number of an agent's version, from 1. */
export const AgentVersionNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** How a request names an agent: by name or id as it is now, or by id and version as it was then. */
export const AgentReference = Schema.Union([
  ResourceReference,
  Schema.Struct({ id: AgentId, version: AgentVersionNumber })
])
export type AgentReference = typeof AgentReference.Type

/** Whom an agent can have work done by: kept agents under their own names, or any under names for this run. */
export const Subagents = Schema.Union([
  Schema.Array(ResourceReference).check(Schema.isMaxLength(50)),
  Schema.Record(ResourceName, Schema.Union([AgentDefinition, AgentReference])).check(Schema.isMaxProperties(50))
])
export type Subagents = typeof Subagents.Type
