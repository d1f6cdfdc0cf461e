import { Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Unauthorized } from "../domain/errors/RequestErrors.ts"
import { credentialOf } from "./Credentials.ts"
import { registerHttpMetrics } from "./HttpMetrics.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { knownRoutes, metricsPath } from "./Routes.ts"

const contentType = "text/plain; version=0.0.4; charset=utf-8"

// Every character is looked at, so that the time says nothing about how many were right.
const isSame = (left: string, right: string): boolean => {
  let difference = left.length ^ right.length
  for (let index = 0; index < right.length; index++) {
    difference |= (left.codePointAt(index) ?? 0) ^ (right.codePointAt(index) ?? 0)
  }
  return difference === 0
}

const admit = Effect.fn(function* (metricsKey: Redacted.Redacted | undefined) {
  if (metricsKey === undefined) return
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const given = credentialOf(headers)
  if (given === undefined) return yield* new Unauthorized({ reason: "missing" })
  if (!isSame(Redacted.value(given), Redacted.value(metricsKey))) return yield* new Unauthorized({ reason: "invalid" })
})

/** Serves the metrics as Prometheus reads them, with METRICS_KEY to those who have it. */
export const metricsLayer = (metricsKey: Redacted.Redacted | undefined) =>
  Layer.merge(
    Layer.effectDiscard(registerHttpMetrics(knownRoutes)),
    HttpRouter.add(
      "GET",
      metricsPath,
      Effect.gen(function* () {
        const record = yield* CurrentRecord
        record.enter(metricsPath)
        yield* admit(metricsKey)
        return HttpServerResponse.text(yield* PrometheusMetrics.format(), { contentType })
      })
    )
  )
