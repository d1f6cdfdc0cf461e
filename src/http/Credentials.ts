import { Context, Effect, Redacted } from "effect"
import type { Headers } from "effect/http"
import { Unauthorized } from "../domain/errors/RequestErrors.ts"
import type { Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { CurrentRecord } from "./RequestRecord.ts"

const bearer = /^bearer +(\S.*)$/i

/** The key that a request carries: `X-API-Key`, else `Authorization: Bearer`. */
export const credentialOf = (headers: Headers.Headers): Redacted.Redacted | undefined => {
  const key = headers["x-api-key"] ?? bearer.exec(headers["authorization"] ?? "")?.[1]
  return key === undefined || key === "" ? undefined : Redacted.make(key)
}

/** Finds out who sends a request. */
export const authenticate = (
  keys: Context.Service.Shape<typeof ApiKeys>,
  headers: Headers.Headers
): Effect.Effect<Principal, Unauthorized | DatabaseFailure> => {
  const credential = credentialOf(headers)
  if (credential === undefined) return Effect.fail(new Unauthorized({ reason: "missing" }))
  return Effect.tap(keys.authenticate(credential), (principal) =>
    Effect.map(CurrentRecord, (record) => record.identify(principal))
  )
}
