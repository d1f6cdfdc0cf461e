import { Context, Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { Authentication, RequiredScope } from "../api/Authentication.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { Forbidden } from "../domain/errors/RequestErrors.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { authenticate } from "./Credentials.ts"

/** Lets a request through whose key is known and has the endpoint's scope. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.map(ApiKeys, (keys) =>
    Authentication.of((httpEffect, { endpoint }) => {
      const scope = Context.get(endpoint.annotations, RequiredScope)
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        Effect.flatMap(authenticate(keys, headers), (principal) =>
          Effect.andThen(
            principal.has(scope) ? Effect.void : Effect.fail(new Forbidden({ scope })),
            Effect.provideService(httpEffect, CurrentPrincipal, principal)
          )
        )
      )
    })
  )
)
