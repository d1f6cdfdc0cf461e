import type { ErrorObject } from "../RunEvent.ts"
import { entryOf, type Failure } from "./catalogue.ts"

const hidden: ReadonlySet<string> = new Set(["_tag", "cause", "message", "name", "stack"])

/** The fields of a failure that clients see: all but its tag and the foreign cause. */
export const detailsOf = (failure: Failure): ErrorObject["details"] =>
  Object.fromEntries(Object.entries(failure).filter(([name, value]) => !hidden.has(name) && value !== undefined))

/** A failure as it stands in an error body and in a stream's `error` event. */
export const toErrorObject = (failure: Failure, requestId: string | null): ErrorObject => {
  const entry = entryOf(failure._tag)
  return {
    code: entry.code,
    error_id: entry.error_id,
    message: failure.message,
    details: detailsOf(failure),
    retry: entry.retry,
    request_id: requestId
  }
}
