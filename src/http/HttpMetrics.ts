import { type Context, Effect, Metric } from "effect"
import type { RequestRecord } from "./RequestRecord.ts"

const requests = Metric.counter("http_requests_total", {
  description: "Answered requests, by route, method and status; 499 where the client had left",
  incremental: true
})

const durations = Metric.histogram("http_request_duration_seconds", {
  description: "Time from a request's head to its answer's head",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
})

const invalidFields = Metric.counter("validation_errors_total", {
  description: "Places in requests that did not fit the API, by field",
  incremental: true
})

/** One metric per combination of labels, made once: the labels of a series are costly to put together. */
const series = <Labels extends Record<string, string>, Input, State>(metric: Metric.Metric<Input, State>) => {
  const known = new Map<string, Metric.Metric<Input, State>>()
  return (labels: Labels): Metric.Metric<Input, State> => {
    const key = Object.values(labels).join("\n")
    const found = known.get(key)
    if (found !== undefined) return found
    const made = Metric.withAttributes(metric, labels)
    known.set(key, made)
    return made
  }
}

const requestsOf = series<{ route: string; method: string; status: string }, number, unknown>(requests)
const durationsOf = series<{ route: string; method: string }, number, unknown>(durations)
const invalidFieldsOf = series<{ field: string }, number, unknown>(invalidFields)

/** Statuses that cost the service's reputation. */
const serverFaults = ["500", "503"]

/** Makes the metrics exist before the first request, so that a first failure is an increase. */
export const registerHttpMetrics = Effect.fnUntraced(function* (
  routes: ReadonlyArray<{ readonly route: string; readonly method: string }>
) {
  for (const { method, route } of routes) {
    yield* Metric.value(durationsOf({ route, method }))
    for (const status of serverFaults) yield* Metric.value(requestsOf({ route, method, status }))
  }
  yield* Metric.value(invalidFields)
})

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/** Counts a place in a request that did not fit. The field must not hold anything that a client can choose. */
export const countInvalidField = (field: string): Effect.Effect<void> => Metric.update(invalidFieldsOf({ field }), 1)

/** Counts a request and the time that it took. */
export const countRequest = (context: Context.Context<never>, record: RequestRecord, status: number): void => {
  const method = methods.has(record.method) ? record.method : "other"
  requestsOf({ route: record.route, method, status: String(status) }).updateUnsafe(1, context)
  durationsOf({ route: record.route, method }).updateUnsafe((performance.now() - record.startedAt) / 1000, context)
}
