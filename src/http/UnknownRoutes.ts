import { type Context, Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { MethodNotAllowed, RouteNotFound, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { ApiKeys } from "../services/ApiKeys.ts"
import { authenticate } from "./Credentials.ts"
import type { RequestRecord } from "./RequestRecord.ts"
import { pathAt } from "./Routes.ts"

const isDecodable = (url: string): boolean => {
  try {
    decodeURI(url)
    return true
  } catch {
    return false
  }
}

/** Answers a request that no route takes. Without a key nobody learns which paths there are. */
export const unknownRoute = Effect.fn(function* (
  keys: Context.Service.Shape<typeof ApiKeys>,
  request: HttpServerRequest.HttpServerRequest,
  record: RequestRecord
) {
  const known = pathAt(request.url)
  if (known?.isPublic !== true) yield* authenticate(keys, request.headers)
  if (known === undefined) {
    return yield* isDecodable(request.url)
      ? new RouteNotFound()
      : new ValidationFailed({ issues: [{ path: "params", message: "is not percent-encoded UTF-8" }] })
  }
  record.enter(known.route)
  if (request.method === "OPTIONS") return HttpServerResponse.empty({ headers: { allow: known.allowed.join(", ") } })
  return yield* new MethodNotAllowed({ allowed: known.allowed })
})
