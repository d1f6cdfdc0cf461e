import { Schema } from "effect"
import { BudgetLimit } from "./Budget.ts"
import { Moment } from "./Moment.ts"
import { ProjectId } from "./Project.ts"

/** Identifies a session; the same UUID names the conversation inside the Claude Agent SDK. */
export const SessionId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/** `active` until its last run has ended; `error` when that run failed or was lost. */
export const SessionStatus = Schema.Literals(["active", "completed", "error"])
export type SessionStatus = typeof SessionStatus.Type

/** What the session is for; `code` unless the client says otherwise. */
export const SessionMode = Schema.Literals(["brainstorm", "code"])
export type SessionMode = typeof SessionMode.Type

/** A title: 1 to 200 characters. */
export const SessionTitle = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

/** One tag: 1 to 100 characters. */
export const SessionTag = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

/** Up to 50 tags. */
export const SessionTags = Schema.Array(SessionTag).check(Schema.isMaxLength(50))

/** A client's own notes on a session: any JSON object. */
export const SessionMetadata = Schema.Record(Schema.String, Schema.Json)

/** A conversation with an agent: runs follow one another in it, and a fork starts a new one from it. */
export class Session extends Schema.Class<Session>("Session")({
  id: SessionId,
  status: SessionStatus,
  mode: SessionMode,
  title: Schema.NullOr(Schema.String),
  model: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String),
  metadata: SessionMetadata,
  project_id: Schema.NullOr(ProjectId),
  parent_session_id: Schema.NullOr(SessionId),
  created_at: Moment,
  updated_at: Moment,
  last_message_at: Schema.NullOr(Moment),
  /** Turns of all its runs. */
  total_turns: Schema.Int,
  /** What all its runs together may spend; null where there is no limit. */
  budget_usd: Schema.NullOr(BudgetLimit),
  /** Dollars of all its runs whose cost is known. */
  total_cost_usd: Schema.Finite,
  /** Whether some run's cost could not be learned. */
  cost_unknown: Schema.Boolean,
  /** False once a part of the conversation could not be stored, or may not have been: a resumed agent misses it. */
  transcript_complete: Schema.Boolean
}) {}
