import { Context, Effect, Layer, Redacted } from "effect"
import { HttpServerRequest } from "effect/http"
import { AcceptsTicket, Authentication, RequiredScope, StartsRun } from "../api/Authentication.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Forbidden, RateLimited } from "../domain/errors/RequestErrors.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { RateLimits } from "../services/RateLimits.ts"
import { WebSocketTickets } from "../services/WebSocketTickets.ts"
import { authenticate, credentialOf } from "./Credentials.ts"
import { CurrentRecord } from "./RequestRecord.ts"

const ticketOf = ({ url }: HttpServerRequest.HttpServerRequest): string | null =>
  new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("ticket")

/** Lets a request through whose key is known and has the endpoint's scope, and whose tenant is not too fast. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    const tickets = yield* WebSocketTickets
    const rates = yield* RateLimits

    const measure = (principal: Principal, starts: boolean): Effect.Effect<void, RateLimited | Forbidden> =>
      Effect.flatMap(rates.count(principal.tenant_id, starts), ({ limits, wait }) =>
        Effect.flatMap(CurrentRecord, (record) => {
          record.limits = limits
          return wait === null ? Effect.void : Effect.fail(new RateLimited({ retry_after_seconds: wait }))
        })
      )

    const identify = (request: HttpServerRequest.HttpServerRequest, acceptsTicket: boolean) => {
      const ticket = acceptsTicket && credentialOf(request.headers) === undefined ? ticketOf(request) : null
      return ticket === null
        ? authenticate(keys, request.headers)
        : Effect.tap(tickets.redeem(Redacted.make(ticket)), (principal) =>
            Effect.map(CurrentRecord, (record) => record.identify(principal))
          )
    }

    return Authentication.of((httpEffect, { endpoint }) => {
      const scope = Context.get(endpoint.annotations, RequiredScope)
      const acceptsTicket = Context.get(endpoint.annotations, AcceptsTicket)
      const starts = Context.get(endpoint.annotations, StartsRun)
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        Effect.flatMap(identify(request, acceptsTicket), (principal) =>
          Effect.andThen(
            principal.has(scope) ? measure(principal, starts) : Effect.fail(new Forbidden({ scope })),
            Effect.provideService(httpEffect, CurrentPrincipal, principal)
          )
        )
      )
    })
  })
)
