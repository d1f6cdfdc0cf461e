import { Effect, Layer, Option, References, Tracer } from "effect"
import { FetchHttpClient, HttpMiddleware } from "effect/http"
import { OtlpExporter, OtlpSerialization, OtlpTracer } from "effect/observability"
import type { InstanceId } from "./domain/Run.ts"
import { version } from "./domain/Version.ts"

/** Where a collector takes traces, below the address by which it is configured. */
const tracesUrl = (endpoint: string): string => `${endpoint.replace(/\/+$/, "")}/v1/traces`

/** How long a service that stops waits for a collector that does not answer. */
const shutdownTimeout = "2 seconds"

/** Requests that come every few seconds and say nothing. */
const unremarkable = /^\/(health|metrics)\b/

/**
 * Only what a request leads to is kept: the work that an instance does by itself, several
 * times a second, would be most of all traces.
 */
const requestsOnly = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) =>
      tracer.span(
        Option.isNone(options.parent) && options.kind !== "server" ? { ...options, sampled: false } : options
      ),
    context: tracer.context
  })

/** Sends spans to an OpenTelemetry collector; without one no spans are made. */
export const layer = (endpoint: string | undefined, instanceId: InstanceId): Layer.Layer<never> => {
  if (endpoint === undefined) return Layer.succeed(References.TracerEnabled, false)
  const resource = {
    serviceName: "causeway",
    serviceVersion: version,
    attributes: { "service.instance.id": instanceId }
  }
  return Layer.merge(
    Layer.effect(
      Tracer.Tracer,
      Effect.map(OtlpTracer.make({ url: tracesUrl(endpoint), resource, shutdownTimeout }), requestsOnly)
    ),
    Layer.succeed(HttpMiddleware.TracerDisabledWhen, ({ url }) => unremarkable.test(url))
  ).pipe(Layer.provide([OtlpExporter.layerFlusher, OtlpSerialization.layerJson, FetchHttpClient.layer]))
}
