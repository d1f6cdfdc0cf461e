import { Schema } from "effect"
import { Moment } from "./Moment.ts"
import { SessionId } from "./Session.ts"

/** Identifies one run: one prompt and all that the agent does about it. */
export const RunId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type

/** Identifies an instance of Causeway: who holds a run's lease. */
export const InstanceId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._-]{1,64}$/)).pipe(
  Schema.brand("InstanceId")
)
export type InstanceId = typeof InstanceId.Type

/**
 * A run's state. `queued`, `running` and `waiting` are live; the others are final.
 * `lost` means that its instance died: whether its last tool call took effect is unknown.
 */
export const RunStatus = Schema.Literals(["queued", "running", "waiting", "completed", "interrupted", "failed", "lost"])
export type RunStatus = typeof RunStatus.Type

/** The states in which a run never changes again. */
export const FinalRunStatus = Schema.Literals(["completed", "interrupted", "failed", "lost"])
export type FinalRunStatus = typeof FinalRunStatus.Type

/** Position of an event in its session, from 1, without gaps. */
export const Sequence = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(Schema.brand("Sequence"))
export type Sequence = typeof Sequence.Type

/** Tokens as the model counted them. */
export const Usage = Schema.Struct({
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  cache_read_input_tokens: Schema.Int,
  cache_creation_input_tokens: Schema.Int
})
export type Usage = typeof Usage.Type

/** The tokens of both. */
export const addUsage = (one: Usage, other: Usage): Usage => ({
  input_tokens: one.input_tokens + other.input_tokens,
  output_tokens: one.output_tokens + other.output_tokens,
  cache_read_input_tokens: one.cache_read_input_tokens + other.cache_read_input_tokens,
  cache_creation_input_tokens: one.cache_creation_input_tokens + other.cache_creation_input_tokens
})

/** What one model did in a run. */
export const ModelUsage = Schema.Struct({ ...Usage.fields, total_cost_usd: Schema.Finite })
export type ModelUsage = typeof ModelUsage.Type

/**
 * What a run has come to so far: sums over all the agents that have worked on it, of which there is more than one when it
 * waited for an answer, or was left to another instance. Null is what nothing is known of.
 */
export const RunTotals = Schema.Struct({
  num_turns: Schema.NullOr(Schema.Int),
  /** This run's own dollars, as far as they are known. */
  total_cost_usd: Schema.NullOr(Schema.Finite),
  /** Whether it may have cost more than that: an agent of it was lost before it could say. */
  cost_unknown: Schema.Boolean,
  usage: Schema.NullOr(Usage),
  /** The same by model: subagents and fallbacks may use others. */
  model_usage: Schema.NullOr(Schema.Record(Schema.String, ModelUsage)),
  /** Milliseconds that were spent on it, without those in which it waited in the queue or for an answer. */
  duration_ms: Schema.NullOr(Schema.Int)
})
export type RunTotals = typeof RunTotals.Type

/** Why a run failed, by the catalogue's names. */
export const RunError = Schema.Struct({
  code: Schema.String,
  error_id: Schema.String,
  message: Schema.String
})
export type RunError = typeof RunError.Type

/** A run as clients see it. */
export class Run extends Schema.Class<Run>("Run")({
  id: RunId,
  session_id: SessionId,
  status: RunStatus,
  model: Schema.NullOr(Schema.String),
  created_at: Moment,
  ended_at: Schema.NullOr(Moment),
  /** The sequence number before this run's first event. */
  start_seq: Sequence,
  /** The sequence number of its last event so far. */
  last_seq: Sequence,
  ...RunTotals.fields,
  error: Schema.NullOr(RunError)
}) {}

/**
 * The right to write to a run. Each claim raises `fence`, and every append and
 * status write checks owner and fence, so a holder that was replaced writes nothing.
 */
export const Lease = Schema.Struct({
  run_id: RunId,
  session_id: SessionId,
  owner: InstanceId,
  fence: Schema.Int
})
export type Lease = typeof Lease.Type
