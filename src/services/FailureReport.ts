import { Cause, Effect, Metric } from "effect"
import { catalogue, type CatalogueEntry, entryOf, type Failure } from "../domain/errors/catalogue.ts"
import { Internal } from "../domain/errors/RequestErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"

/** What is known about where a failure happened; the request's id is added by itself. */
export interface FailureFields {
  readonly request_id?: string
  readonly session_id?: string
  readonly run_id?: string
  readonly tenant_id?: string
  readonly api_key_hash?: string
  readonly prompt_preview?: string
  readonly route?: string
  readonly status?: number
}

const failures = Metric.counter("api_errors_total", {
  description: "Failures by their id",
  incremental: true
})

const countOf = (error_id: string) => Metric.withAttributes(failures, { error_code: error_id })

/** Has every failure stand in the metrics at 0 from the start, so that its first one is an increase. */
export const registerFailureCounts = Effect.forEach(
  Object.values(catalogue),
  ({ error_id }) => Metric.update(countOf(error_id), 0),
  { discard: true }
)

const levelOf = {
  info: "Info",
  warning: "Warn",
  error: "Error",
  critical: "Fatal"
} as const satisfies Record<CatalogueEntry["severity"], string>

const reported = new WeakSet<object>()

/** Says that a failure was reported where it happened, so that the edge does not do it again. */
export const markReported = <A extends Failure>(failure: A): A => {
  reported.add(failure)
  return failure
}

/** What went wrong outside, from the outermost to the innermost, without stacks. */
const chainOf = (cause: unknown): string => {
  const links: Array<string> = []
  for (let link = cause; link !== undefined && link !== null && links.length < 5;) {
    links.push(link instanceof Error ? `${link.name}: ${link.message}` : String(link))
    link = link instanceof Error ? link.cause : undefined
  }
  return links.join(" <- ")
}

// What a client got wrong is logged with nothing of it; what the operator has to mend, with what is known.
const causeOf = (failure: Failure, { severity }: CatalogueEntry) =>
  "cause" in failure && failure.cause !== undefined && (severity === "error" || severity === "critical")
    ? { cause: chainOf(failure.cause) }
    : {}

/** Writes the one log line of a failure and counts it, unless that was done already. */
export const reportFailure = Effect.fnUntraced(function* (failure: Failure, fields: FailureFields) {
  if (reported.has(failure)) return
  reported.add(failure)
  const entry = entryOf(failure._tag)
  const request = yield* CurrentRequest
  yield* Metric.update(countOf(entry.error_id), 1)
  yield* Effect.logWithLevel(levelOf[entry.severity])(entry.cause).pipe(
    Effect.annotateLogs({
      error_id: entry.error_id,
      code: entry.code,
      ...(request === null ? {} : { request_id: request.requestId }),
      ...causeOf(failure, entry),
      ...fields
    })
  )
})

/** Writes the log line of a bug, with its stack, and counts it as the failure that clients see. */
export const reportDefect = (defect: Cause.Cause<unknown>, fields: FailureFields): Effect.Effect<void> =>
  Effect.annotateLogs(reportFailure(new Internal(), fields), { defect: Cause.pretty(defect) })
