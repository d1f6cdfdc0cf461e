import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Cause, Context, Effect, References, Tracer, type Types } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { RequestMalformed } from "../domain/errors/RequestErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { answer, isAbandoned } from "./Answers.ts"
import { countRequest } from "./HttpMetrics.ts"
import { rateLimitFields } from "./RateLimitFields.ts"
import { requestIdOf } from "./RequestId.ts"
import { CurrentRecord, RequestRecord } from "./RequestRecord.ts"
import { unknownRoute } from "./UnknownRoutes.ts"
import { carriesBody, discardBody } from "./UnreadBody.ts"

/** What metrics call the status of a request whose client had left; it is never sent. */
const abandoned = 499

const isRouteNotFound = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      Cause.isFailReason(reason) &&
      HttpServerError.isHttpServerError(reason.error) &&
      reason.error.reason._tag === "RouteNotFound"
  )

/** HTTP/1.1 asks for a Host; Node would refuse its absence without a word. */
const hasHost = (request: HttpServerRequest.HttpServerRequest): boolean =>
  request.headers["host"] !== undefined || NodeHttpServerRequest.toIncomingMessage(request).httpVersion !== "1.1"

// The router would cut the path at the first of these, and take what is left for another path.
const cuts = /[;#]/

const withWholePath = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest => {
  const [path = "", ...query] = request.url.split("?")
  if (!cuts.test(path)) return request
  return request.modify({ url: [path.replaceAll(";", "%3B").replaceAll("#", "%23"), ...query].join("?") })
}

const traceRequest = (context: Context.Context<never>, requestId: string) => {
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  if (span?._tag === "Span") span.attribute("request_id", requestId)
}

/**
 * The outside of the service: gives each request its id, answers what no route takes and
 * what failed outside of the endpoints, and counts.
 */
export const EdgeLayer = HttpRouter.middleware<{ handles: HttpServerError.HttpServerError }>()(
  Effect.map(
    ApiKeys,
    (keys) =>
      (
        httpEffect
      ): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> =>
        Effect.withFiber((fiber) => {
          const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
          const record = new RequestRecord(requestIdOf(request.headers["x-request-id"]), request.method)
          const context = Context.empty().pipe(
            Context.add(CurrentRequest, record),
            Context.add(CurrentRecord, record),
            Context.add(References.CurrentLogAnnotations, record.logAnnotations)
          )
          traceRequest(fiber.context, record.requestId)

          const finish = (response: HttpServerResponse.HttpServerResponse) => {
            if (!record.isUpgraded) countRequest(fiber.context, record, response.status)
            const headers = { "x-request-id": record.requestId, ...rateLimitFields(record.limits) }
            const sent = Effect.succeed(HttpServerResponse.setHeaders(response, headers))
            return response.status >= 400 && carriesBody(request) ? Effect.andThen(discardBody(request), sent) : sent
          }

          const recover = (cause: Cause.Cause<unknown>): ReturnType<typeof answer> =>
            isRouteNotFound(cause)
              ? Effect.catchCause(unknownRoute(keys, request, record), recover)
              : answer(cause, record)

          const routed = hasHost(request)
            ? Effect.provideService(httpEffect, HttpServerRequest.HttpServerRequest, withWholePath(request))
            : Effect.andThen(new RequestMalformed(), httpEffect)

          return routed.pipe(
            Effect.catchCause(recover),
            Effect.matchCauseEffect({
              onSuccess: finish,
              onFailure: (cause) => {
                if (isAbandoned(cause) && !record.isUpgraded) countRequest(fiber.context, record, abandoned)
                return Effect.failCause(cause)
              }
            }),
            Effect.provideContext(context)
          )
        })
  ),
  { global: true }
)
