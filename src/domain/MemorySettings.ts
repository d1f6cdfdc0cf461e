import { Schema } from "effect"
import { ScopeName } from "./Memory.ts"

/** Most memories that may be asked for a prompt. */
const RecallLimit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 }))

/** Most tokens of them, roughly: four characters are counted as one. */
const RecallTokens = Schema.Int.check(Schema.isBetween({ minimum: 50, maximum: 20_000 }))

/** How memory is used by runs whose request does not say. */
export const MemorySettings = Schema.Struct({
  /** Whether what is relevant to the prompt is recalled before a run. */
  recall: Schema.Boolean,
  /** Whether what is worth remembering is learned after it; without MEMORY_MODEL nothing is. */
  extract: Schema.Boolean,
  recall_limit: RecallLimit,
  recall_tokens: RecallTokens
}).annotate({ identifier: "MemorySettings" })
export type MemorySettings = typeof MemorySettings.Type

/** A change of a tenant's settings: null goes back to the installation's, what is absent stays. */
export const MemorySettingsChange = Schema.Struct({
  recall: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  extract: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  recall_limit: Schema.optionalKey(Schema.NullOr(RecallLimit)),
  recall_tokens: Schema.optionalKey(Schema.NullOr(RecallTokens))
}).annotate({ identifier: "MemorySettingsChange" })
export type MemorySettingsChange = typeof MemorySettingsChange.Type

/** What a tenant set; null where it left the installation's. */
export const TenantMemorySettings = Schema.Struct({
  recall: Schema.NullOr(Schema.Boolean),
  extract: Schema.NullOr(Schema.Boolean),
  recall_limit: Schema.NullOr(RecallLimit),
  recall_tokens: Schema.NullOr(RecallTokens)
})
export type TenantMemorySettings = typeof TenantMemorySettings.Type

/** How a run uses memory; what is absent is as the tenant set it. */
export const RunMemory = Schema.Struct({
  recall: Schema.optionalKey(Schema.Boolean),
  extract: Schema.optionalKey(Schema.Boolean),
  /** Memories of this user are recalled too, and what is learned belongs to it. Likewise for the others. */
  user_id: Schema.optionalKey(ScopeName),
  agent_id: Schema.optionalKey(ScopeName),
  project_id: Schema.optionalKey(ScopeName)
}).annotate({ identifier: "RunMemory" })
export type RunMemory = typeof RunMemory.Type
