import { type Cause, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { problemContentType, toProblem } from "../api/Problem.ts"
import { type CatalogueEntry, entryOf, type Failure, isFailureTag, type Severity } from "../domain/errors/catalogue.ts"
import { Internal } from "../domain/errors/RequestErrors.ts"
import { countFailure } from "./HttpMetrics.ts"
import type { RequestRecord } from "./RequestRecord.ts"

/** Seconds after which a client should come back when the failure does not say. */
const defaultRetryAfter = 5

const logs = {
  info: Effect.logInfo,
  warning: Effect.logWarning,
  error: Effect.logError,
  critical: Effect.logFatal
} as const satisfies Record<Severity, typeof Effect.log>

/** Whether a value is a failure that the catalogue knows. */
export const isFailure = (value: unknown): value is Failure =>
  value instanceof Error && "_tag" in value && typeof value._tag === "string" && isFailureTag(value._tag)

const retryAfterOf = (failure: Failure): number =>
  "retry_after_seconds" in failure ? failure.retry_after_seconds : defaultRetryAfter

const headersOf = (failure: Failure, entry: CatalogueEntry): Record<string, string> => {
  if (entry.status === 429 || entry.status === 503) return { "retry-after": String(retryAfterOf(failure)) }
  if (failure._tag === "Unauthorized") return { "www-authenticate": `Bearer realm="causeway"` }
  if (failure._tag === "MethodNotAllowed") return { allow: failure.allowed.join(", ") }
  return {}
}

/** The answer to a request that failed. */
export const render = (failure: Failure, requestId: string): HttpServerResponse.HttpServerResponse => {
  const entry = entryOf(failure._tag)
  return HttpServerResponse.text(JSON.stringify(toProblem(failure, requestId)), {
    status: entry.status,
    contentType: problemContentType,
    headers: headersOf(failure, entry)
  })
}

/** What went wrong at the edge of the system, from the outermost to the innermost, without stacks. */
const chainOf = (cause: unknown): string => {
  const links: Array<string> = []
  for (let link = cause; link !== undefined && link !== null && links.length < 5;) {
    links.push(link instanceof Error ? `${link.name}: ${link.message}` : String(link))
    link = link instanceof Error ? link.cause : undefined
  }
  return links.join(" <- ")
}

const causeOf = (failure: Failure, severity: Severity): string | undefined =>
  (severity === "error" || severity === "critical") && failure.cause !== undefined ? chainOf(failure.cause) : undefined

/** Counts and logs a failure: one line at the level of its severity. */
export const reportFailure = (
  failure: Failure,
  record: RequestRecord,
  defect?: Cause.Cause<unknown>
): Effect.Effect<void> => {
  const entry = entryOf(failure._tag)
  const fields: Record<string, unknown> = {
    error_id: entry.error_id,
    code: entry.code,
    status: entry.status,
    session_id: "session_id" in failure ? failure.session_id : record.sessionId,
    run_id: "run_id" in failure ? failure.run_id : record.runId,
    prompt_preview: record.promptPreview,
    cause: causeOf(failure, entry.severity)
  }
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  const log = logs[entry.severity]
  return Effect.andThen(
    countFailure(entry.error_id),
    Effect.annotateLogs(defect === undefined ? log(failure.message) : log(failure.message, defect), known)
  )
}

/** Reports a failure and makes its answer. */
export const answerFailure = (
  failure: Failure,
  record: RequestRecord
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.as(reportFailure(failure, record), render(failure, record.requestId))

/** Reports a bug, with its stack. */
export const reportDefect = (defect: Cause.Cause<unknown>, record: RequestRecord): Effect.Effect<void> =>
  reportFailure(new Internal(), record, defect)

/** Answers a bug: what it was goes to the log, with its stack, and nothing of it to the client. */
export const answerDefect = (
  defect: Cause.Cause<unknown>,
  record: RequestRecord
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  return Effect.as(reportDefect(defect, record), render(new Internal(), record.requestId))
}
