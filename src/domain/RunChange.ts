import { Schema } from "effect"
import { ModelName } from "./ModelName.ts"
import { PermissionMode } from "./RunOptions.ts"

/** What may be changed of a run while its agent is at work; what is absent stays. */
export const RunChange = Schema.Struct({
  permission_mode: Schema.optionalKey(PermissionMode),
  model: Schema.optionalKey(ModelName)
})
export type RunChange = typeof RunChange.Type

/** Why a run is not changed: its agent does not take what is asked, its turn is over, or it did not say in time. */
export const RunChangeRefusal = Schema.Literals(["permission_mode", "model", "rules", "over", "timed_out"])
export type RunChangeRefusal = typeof RunChangeRefusal.Type
