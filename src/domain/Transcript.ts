import type { Effect } from "effect"
import { Schema } from "effect"
import type { TranscriptNotStored, TranscriptUnreadable } from "./errors/AgentErrors.ts"

/**
 * One line of the agent's own record of a conversation. What is in it belongs to
 * the agent; `uuid` names it, so that storing it twice keeps one.
 */
export const TranscriptEntry = Schema.StructWithRest(
  Schema.Struct({ type: Schema.String, uuid: Schema.optionalKey(Schema.String) }),
  [Schema.Record(Schema.String, Schema.Json)]
)
export type TranscriptEntry = typeof TranscriptEntry.Type

/** A stored conversation that an agent goes on from. `subpath` is empty for the main conversation and names a subagent's otherwise. */
export interface StoredTranscript {
  /** All entries in order; empty when nothing was ever stored. */
  readonly load: (subpath: string) => Effect.Effect<ReadonlyArray<TranscriptEntry>, TranscriptUnreadable>
  /** Whether the conversation was taken back to an earlier message, and may so be empty. */
  readonly isTakenBack: Effect.Effect<boolean, TranscriptUnreadable>
  /** The subpaths that have entries, without the main conversation's. */
  readonly subpaths: Effect.Effect<ReadonlyArray<string>, TranscriptUnreadable>
}

/** Where one run's agent keeps its conversation, and finds it again. */
export interface Transcript extends StoredTranscript {
  /** The entries of the main conversation that this run itself has stored, in order. */
  readonly ofRun: Effect.Effect<ReadonlyArray<TranscriptEntry>, TranscriptUnreadable>
  /** Stores entries in order; an entry whose uuid is there already is left as it was. */
  readonly append: (
    subpath: string,
    entries: ReadonlyArray<TranscriptEntry>
  ) => Effect.Effect<void, TranscriptNotStored>
}
