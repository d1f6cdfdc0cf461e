import { Effect, Metric } from "effect"

const injectionErrors = Metric.counter("memory_injection_errors_total", {
  description: "Runs whose prompt lacks memories that should stand in it",
  incremental: true
})

const extractionErrors = Metric.counter("memory_extraction_errors_total", {
  description: "Runs from which something was learned that could not be saved",
  incremental: true
})

/** Counts a run whose prompt lacks memories. */
export const countInjectionError: Effect.Effect<void> = Metric.update(injectionErrors, 1)

/** Counts an attempt to learn from a run that failed. */
export const countExtractionError: Effect.Effect<void> = Metric.update(extractionErrors, 1)

/** Makes the metrics of memory exist at 0. */
export const registerMemoryMetrics: Effect.Effect<void> = Effect.forEach(
  [injectionErrors, extractionErrors],
  Metric.value,
  { discard: true }
)
