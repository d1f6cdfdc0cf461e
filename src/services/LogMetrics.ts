import { type Context, Effect, Metric } from "effect"

const delays = Metric.histogram("log_append_delay_seconds", {
  description:
    "Time from an event's arrival at the log until it was stored, with any wait for room or for the database",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

const batches = Metric.histogram("log_batch_events", {
  description: "Events that one statement stored",
  boundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
})

/** Makes the metrics of the log exist before anything was written. */
export const registerLogMetrics: Effect.Effect<void> = Effect.asVoid(
  Effect.andThen(Metric.value(delays), Metric.value(batches))
)

/** Measures events that one statement stored, from when each was offered by `performance.now()`. */
export const measureStored = (context: Context.Context<never>, offered: ReadonlyArray<number>): void => {
  const now = performance.now()
  batches.updateUnsafe(offered.length, context)
  for (const since of offered) delays.updateUnsafe((now - since) / 1000, context)
}
