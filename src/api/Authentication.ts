import { Context } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import type { ApiKeyScope, CurrentPrincipal } from "../domain/ApiKey.ts"
import { authenticationProblems } from "./Problems.ts"

/** The scope that an endpoint asks of a key; `query` where nothing is said. */
export class RequiredScope extends Context.Reference<ApiKeyScope>("causeway/api/Authentication/RequiredScope", {
  defaultValue: () => "query"
}) {}

/** Whether an endpoint starts a run, which is limited more than other requests are. */
export class StartsRun extends Context.Reference<boolean>("causeway/api/Authentication/StartsRun", {
  defaultValue: () => false
}) {}

/** Whether an endpoint takes a WebSocket ticket in its query where there is no key. */
export class AcceptsTicket extends Context.Reference<boolean>("causeway/api/Authentication/AcceptsTicket", {
  defaultValue: () => false
}) {}

/**
 * Finds out who sends a request, by `X-API-Key` or `Authorization: Bearer`, and whether its
 * key may. Not declared as `security`: there each scheme is tried on its own, and the second
 * one's "no key" would hide that the database did not answer the first. `Description.ts`
 * puts the schemes into the API's description.
 */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentPrincipal }>()(
  "causeway/api/Authentication",
  { requiredForClient: true, error: authenticationProblems }
) {}
