import { Schema } from "effect"
import { Moment } from "./Moment.ts"

/** Identifies a memory. */
export const MemoryId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("MemoryId"))
export type MemoryId = typeof MemoryId.Type

// PostgreSQL has no NUL in its texts, and a URL can bring one.
const storable = Schema.isPattern(/^[^\0]*$/)

/** What is remembered: 1 to 10,000 characters, not blank. */
export const MemoryText = Schema.String.check(
  Schema.isPattern(/\S/, { message: "is blank" }),
  Schema.isMaxLength(10_000)
)

/** A name that a client gives a part of its memories: 1 to 200 characters. */
export const ScopeName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200), storable)

/** What a memory may be limited to. What is absent does not limit it. */
export const memoryScopeFields = {
  user_id: Schema.optionalKey(ScopeName),
  agent_id: Schema.optionalKey(ScopeName),
  session_id: Schema.optionalKey(ScopeName),
  project_id: Schema.optionalKey(ScopeName)
} as const

/** Whose memory it is, within a tenant. */
export const MemoryScope = Schema.Struct(memoryScopeFields)
export type MemoryScope = typeof MemoryScope.Type

/** The scope of a row, whose columns are null where it is open. */
export const scopeOf = (row: { readonly [Part in keyof MemoryScope]-?: string | null }): MemoryScope => ({
  ...(row.user_id === null ? {} : { user_id: row.user_id }),
  ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
  ...(row.session_id === null ? {} : { session_id: row.session_id }),
  ...(row.project_id === null ? {} : { project_id: row.project_id })
})

/** The scope's parts, in the order of the columns. */
export const scopeParts = ["user_id", "agent_id", "session_id", "project_id"] as const

/** A client's own notes on a memory: any JSON object. Speaker, date, session and turn in it help to find the memory. */
export const MemoryMetadata = Schema.Record(Schema.String, Schema.Json)
export type MemoryMetadata = typeof MemoryMetadata.Type

/** Something that is remembered across sessions. */
export class Memory extends Schema.Class<Memory>("Memory")({
  id: MemoryId,
  memory: Schema.String,
  /** SHA-256 of the text without regard to case, spaces and final punctuation: equal texts of one scope are one memory. */
  hash: Schema.String,
  metadata: MemoryMetadata,
  user_id: Schema.NullOr(Schema.String),
  agent_id: Schema.NullOr(Schema.String),
  session_id: Schema.NullOr(Schema.String),
  project_id: Schema.NullOr(Schema.String),
  created_at: Moment,
  updated_at: Moment,
  valid_from: Moment,
  /** Since when it does not hold any more; null while it does. Only what holds is found and recalled. */
  valid_to: Schema.NullOr(Moment),
  /** The memory that took its place. */
  superseded_by: Schema.NullOr(MemoryId)
}) {}

/** What happened to a memory. */
export const MemoryChange = Schema.Literals(["added", "updated", "superseded", "invalidated", "restored"])
export type MemoryChange = typeof MemoryChange.Type

/** Who changed a memory: a client, by its key, or the extraction after a run. */
export const MemoryActor = Schema.Struct({
  kind: Schema.Literals(["api_key", "run"]),
  id: Schema.String
})
export type MemoryActor = typeof MemoryActor.Type

/** Identifies a version of a memory. */
export const MemoryVersionId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("MemoryVersionId"))
export type MemoryVersionId = typeof MemoryVersionId.Type

/** One change of a memory: who, when, what it was and what it became. */
export class MemoryVersion extends Schema.Class<MemoryVersion>("MemoryVersion")({
  id: MemoryVersionId,
  memory_id: MemoryId,
  event: MemoryChange,
  actor_kind: MemoryActor.fields.kind,
  actor_id: Schema.String,
  /** The text before; null for a new memory. */
  old_memory: Schema.NullOr(Schema.String),
  /** The text after; null when it does not hold any more. */
  new_memory: Schema.NullOr(Schema.String),
  old_metadata: Schema.NullOr(MemoryMetadata),
  new_metadata: Schema.NullOr(MemoryMetadata),
  /** Whether it was taken back. */
  undone: Schema.Boolean,
  created_at: Moment
}) {}

/** A memory that was found, and how well it fits, from 0 to 1. */
export interface FoundMemory {
  readonly id: MemoryId
  readonly memory: string
  readonly score: number
  readonly metadata: MemoryMetadata
  readonly scope: MemoryScope
  readonly created_at: string
}
