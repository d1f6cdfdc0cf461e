import { Context, Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { Authentication, RequiredScope, StartsRun } from "../api/Authentication.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Forbidden, RateLimited } from "../domain/errors/RequestErrors.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { RateLimits } from "../services/RateLimits.ts"
import { authenticate } from "./Credentials.ts"
import { CurrentRecord } from "./RequestRecord.ts"

/** Lets a request through whose key is known and has the endpoint's scope, and whose tenant is not too fast. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    const rates = yield* RateLimits

    const measure = (principal: Principal, starts: boolean): Effect.Effect<void, RateLimited | Forbidden> =>
      Effect.flatMap(rates.count(principal.tenant_id, starts), ({ limits, wait }) =>
        Effect.flatMap(CurrentRecord, (record) => {
          record.limits = limits
          return wait === null ? Effect.void : Effect.fail(new RateLimited({ retry_after_seconds: wait }))
        })
      )

    return Authentication.of((httpEffect, { endpoint }) => {
      const scope = Context.get(endpoint.annotations, RequiredScope)
      const starts = Context.get(endpoint.annotations, StartsRun)
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        Effect.flatMap(authenticate(keys, headers), (principal) =>
          Effect.andThen(
            principal.has(scope) ? measure(principal, starts) : Effect.fail(new Forbidden({ scope })),
            Effect.provideService(httpEffect, CurrentPrincipal, principal)
          )
        )
      )
    })
  })
)
