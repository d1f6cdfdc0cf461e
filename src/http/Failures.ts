import { type Cause, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { problemContentType, toProblem } from "../api/Problem.ts"
import { type CatalogueEntry, entryOf, type Failure, isFailureTag } from "../domain/errors/catalogue.ts"
import { Internal } from "../domain/errors/RequestErrors.ts"
import { reportDefect, reportFailure } from "../services/FailureReport.ts"
import type { RequestRecord } from "./RequestRecord.ts"

/** Seconds after which a client should come back when the failure does not say. */
const defaultRetryAfter = 5

/** Whether a value is a failure that the catalogue knows. */
export const isFailure = (value: unknown): value is Failure =>
  value instanceof Error && "_tag" in value && typeof value._tag === "string" && isFailureTag(value._tag)

const retryAfterOf = (failure: Failure): number =>
  "retry_after_seconds" in failure ? failure.retry_after_seconds : defaultRetryAfter

const headersOf = (failure: Failure, entry: CatalogueEntry): Record<string, string> => {
  // The connection ends with the instance: the next request has to find another one.
  if (failure._tag === "ShuttingDown") return { "retry-after": String(retryAfterOf(failure)), connection: "close" }
  if (entry.status === 429 || entry.status === 503 || failure._tag === "TenantBudgetReached")
    return { "retry-after": String(retryAfterOf(failure)) }
  if (failure._tag === "Unauthorized") return { "www-authenticate": `Bearer realm="causeway"` }
  if (failure._tag === "UpgradeRequired") return { upgrade: "websocket", connection: "upgrade" }
  if (failure._tag === "RequestMalformed") return { connection: "close" }
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

const fieldsOf = (failure: Failure, record: RequestRecord) => ({
  status: entryOf(failure._tag).status,
  ...record.known,
  ...("session_id" in failure ? { session_id: failure.session_id } : {}),
  ...("run_id" in failure ? { run_id: failure.run_id } : {})
})

/** Counts and logs a failure, once, with what is known of its request. */
export const report = (failure: Failure, record: RequestRecord): Effect.Effect<void> =>
  reportFailure(failure, fieldsOf(failure, record)).pipe(
    Effect.annotateLogs({ ...record.logAnnotations, detail: failure.message })
  )

/** Counts and logs a bug, with its stack. */
export const reportBug = (defect: Cause.Cause<unknown>, record: RequestRecord): Effect.Effect<void> =>
  reportDefect(defect, fieldsOf(new Internal(), record)).pipe(Effect.annotateLogs(record.logAnnotations))

/** Reports a failure and makes its answer. */
export const answerFailure = (
  failure: Failure,
  record: RequestRecord
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.as(report(failure, record), render(failure, record.requestId))

/** Answers a bug: what it was goes to the log, with its stack, and nothing of it to the client. */
export const answerDefect = (
  defect: Cause.Cause<unknown>,
  record: RequestRecord
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.as(reportBug(defect, record), render(new Internal(), record.requestId))
