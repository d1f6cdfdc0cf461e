import { Context } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { RequestInformation } from "../domain/RequestContext.ts"
import type { RateState } from "../services/RateLimits.ts"

/** How routes are called that the API does not have; in metrics, a path that clients choose would be without bound. */
export const unmatchedRoute = "unmatched"

/**
 * What is known of the request that is being handled. It fills while the request gets
 * further and is still there where the boundary reports a failure, outside of all that
 * authentication and the handler had provided.
 */
export class RequestRecord implements RequestInformation {
  readonly requestId: string
  readonly method: string
  readonly startedAt: number = performance.now()
  /** The route's template, never the path itself. */
  route: string = unmatchedRoute
  /** What stands on the log line of a failure beside that: what the request is about. */
  readonly known: { session_id?: string; run_id?: string; prompt_preview?: string } = {}
  /** Whether the connection is a WebSocket by now: such a request is counted when it becomes one. */
  isUpgraded = false
  /** What its tenant has left of its limits. */
  limits: ReadonlyArray<RateState> = []
  /** Stands on every log line of the request; it is one object, so that what is learned later stands there too. */
  readonly logAnnotations: Record<string, unknown>

  constructor(requestId: string, method: string) {
    this.requestId = requestId
    this.method = method
    this.logAnnotations = { request_id: requestId, method }
  }

  /** The request has found its route. */
  enter(route: string): void {
    this.route = route
    this.logAnnotations["route"] = route
  }

  /** The request's sender is known. */
  identify(principal: Principal): void {
    this.logAnnotations["tenant_id"] = principal.tenant_id
    this.logAnnotations["api_key_hash"] = principal.api_key_hash
  }
}

/** The record of the current request. */
export class CurrentRecord extends Context.Reference<RequestRecord>("causeway/http/CurrentRecord", {
  defaultValue: () => new RequestRecord("none", "none")
}) {}
