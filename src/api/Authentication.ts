import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { ApiKeyScope, CurrentPrincipal } from "../domain/ApiKey.ts"
import { authenticationProblems } from "./Problems.ts"

/** The scope that an endpoint asks of a key; `query` where nothing is said. */
export class RequiredScope extends Context.Reference<ApiKeyScope>("causeway/api/Authentication/RequiredScope", {
  defaultValue: () => "query"
}) {}

/** Finds out who sends a request, by `X-API-Key` or `Authorization: Bearer`, and whether its key may. */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentPrincipal }>()(
  "causeway/api/Authentication",
  {
    requiredForClient: true,
    security: { apiKey: HttpApiSecurity.apiKey({ key: "x-api-key", in: "header" }) },
    error: authenticationProblems
  }
) {}
