import { Schema } from "effect"
import { Moment } from "./Moment.ts"
import { ResourceName } from "./ResourceName.ts"
import { ToolRules } from "./ToolRules.ts"

/** Identifies a tool preset. */
export const ToolPresetId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("ToolPresetId"))
export type ToolPresetId = typeof ToolPresetId.Type

/** What is said of a thing that a tenant keeps, where nothing need be said. */
const Description = Schema.String.check(Schema.isMaxLength(500))

/** What a client says of a preset. */
export const ToolPresetContent = Schema.Struct({
  name: ResourceName,
  description: Schema.optionalKey(Schema.NullOr(Description)),
  /** Rules of tools that run unasked. */
  allowed_tools: Schema.optionalKey(ToolRules),
  /** Rules of tools that never run. */
  disallowed_tools: Schema.optionalKey(ToolRules),
  /** Whether it counts for the tenant's requests that name none. Making it so ends it for the one that was before. */
  is_default: Schema.optionalKey(Schema.Boolean)
})
export type ToolPresetContent = typeof ToolPresetContent.Type

/** Lists of rules about tools under a name. */
export class ToolPreset extends Schema.Class<ToolPreset>("ToolPreset")({
  id: ToolPresetId,
  name: Schema.String,
  description: Schema.NullOr(Schema.String),
  allowed_tools: Schema.Array(Schema.String),
  disallowed_tools: Schema.Array(Schema.String),
  is_default: Schema.Boolean,
  created_at: Moment,
  updated_at: Moment
}) {}
