import { Cause, Effect } from "effect"
import { HttpServerError, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { ShuttingDown } from "../domain/errors/RequestErrors.ts"
import { answerDefect, answerFailure, isFailure } from "./Failures.ts"
import { invalidRequest, isPart } from "./InvalidRequest.ts"
import type { RequestRecord } from "./RequestRecord.ts"

/** When a client of an instance that stops should come back: by then it is another instance's, or a new one's. */
export const restartSeconds = 5

const isClientAbort = (reason: Cause.Reason<unknown>): boolean =>
  Cause.isInterruptReason(reason) && reason.annotations.has(HttpServerError.ClientAbort.key)

/** Whether a request ended because its client had left. */
export const isAbandoned = (cause: Cause.Cause<unknown>): boolean =>
  Cause.hasInterruptsOnly(cause) && cause.reasons.some(isClientAbort)

/**
 * The answer to a request that did not succeed, whatever the reason: a failure of the
 * catalogue, a request that does not fit, the end of the service, or a bug. Only a client
 * that has left gets none.
 */
export const answer = (
  cause: Cause.Cause<unknown>,
  record: RequestRecord
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> => {
  // An upgraded connection says by its close code that the service ends.
  const isOver = isAbandoned(cause) || (record.isUpgraded && Cause.hasInterruptsOnly(cause))
  if (isOver) return Effect.failCause(Cause.fromReasons(cause.reasons.filter(Cause.isInterruptReason)))
  if (Cause.hasInterruptsOnly(cause)) {
    return answerFailure(new ShuttingDown({ retry_after_seconds: restartSeconds }), record)
  }
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) {
      const { error } = reason
      if (isFailure(error)) return answerFailure(error, record)
      if (HttpApiError.HttpApiSchemaError.is(error) && isPart(error.kind)) {
        return Effect.flatMap(invalidRequest(error.kind, error.cause.issue), (failure) =>
          answerFailure(failure, record)
        )
      }
    }
    if (Cause.isDieReason(reason) && HttpServerResponse.isHttpServerResponse(reason.defect)) {
      return Effect.succeed(reason.defect)
    }
  }
  return answerDefect(cause, record)
}
