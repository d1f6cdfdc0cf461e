import { Effect, Metric } from "effect"
import type { Backlog } from "../storage/WebhookDeliveryRepository.ts"

const attempts = Metric.counter("webhook_deliveries_total", {
  description:
    "Attempts of this instance to tell a webhook something: delivered, failed (to be repeated), dead (given up) or gone (410)",
  incremental: true
})

const oldest = Metric.gauge("webhook_oldest_undelivered_seconds", {
  description: "Age of the oldest thing that a webhook has not heard yet and that is not given up; 0 without one"
})

const overdue = Metric.gauge("webhook_overdue_seconds", {
  description: "For how long the first thing that is due to be told has waited for an instance; 0 without one"
})

const outcomes = ["delivered", "failed", "dead", "gone"] as const

/** What came of an attempt, as the metrics have it. */
export type CountedOutcome = (typeof outcomes)[number]

const countOf = (outcome: CountedOutcome) => Metric.withAttributes(attempts, { outcome })

/** Counts an attempt. */
export const countAttempt = (outcome: CountedOutcome): Effect.Effect<void> => Metric.update(countOf(outcome), 1)

/** Notes what is still to be told. */
export const noteBacklog = ({ oldest_seconds, overdue_seconds }: Backlog): Effect.Effect<void> =>
  Effect.andThen(Metric.update(oldest, oldest_seconds), Metric.update(overdue, overdue_seconds))

/** Makes these metrics exist at 0. */
export const registerDeliveryMetrics: Effect.Effect<void> = Effect.andThen(
  Effect.forEach(outcomes, (outcome) => Metric.value(countOf(outcome)), { discard: true }),
  noteBacklog({ oldest_seconds: 0, overdue_seconds: 0 })
)
