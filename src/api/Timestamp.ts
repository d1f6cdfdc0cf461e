import { Schema } from "effect"

/** What is said of a text that is no timestamp. The server knows the failure ERR_DATETIME_PARSE by it. */
export const notATimestamp = "is not an RFC 3339 timestamp"

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

// `Date` takes much that is no RFC 3339, and moves the 30th of February to March. PostgreSQL knows no year 0, and with
// an offset a moment may be in a year that RFC 3339 cannot write.
const isTimestamp = (text: string): boolean => {
  const day = rfc3339.exec(text)?.[1]
  if (day === undefined) return false
  const midnight = new Date(`${day}T00:00:00Z`)
  const year = new Date(text).getUTCFullYear()
  return midnight.toISOString().startsWith(day) && year >= 1 && year <= 9999
}

/** A moment as clients send it: RFC 3339 with an offset, as in `2026-01-31T12:00:00Z`. */
export const Timestamp = Schema.String.check(Schema.makeFilter(isTimestamp, { message: notATimestamp }))
  .annotate({ format: "date-time" })
  .pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))
