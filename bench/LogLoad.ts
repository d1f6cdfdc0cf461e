import { Schema } from "effect"

/** What the program that loads the log is told. */
export const LogLoad = Schema.Struct({
  databaseUrl: Schema.String,
  runs: Schema.Int,
  /** Readers of each run. */
  readers: Schema.Int,
  /** Events of all runs together; null for as many as possible. */
  perSecond: Schema.NullOr(Schema.Number),
  warmUpSeconds: Schema.Number,
  seconds: Schema.Number
})
export type LogLoad = typeof LogLoad.Type

/** What it says afterwards; delays are milliseconds from when an event was due to when its reader had it. */
export const LogLoadResult = Schema.Struct({
  stored: Schema.Int,
  storedPerSecond: Schema.Number,
  deliveredPerSecond: Schema.Number,
  cpuSeconds: Schema.Number,
  delayP50: Schema.NullOr(Schema.Number),
  delayP99: Schema.NullOr(Schema.Number)
})
export type LogLoadResult = typeof LogLoadResult.Type
