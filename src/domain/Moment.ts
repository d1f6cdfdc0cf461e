import { Schema } from "effect"

/** A moment in UTC: RFC 3339 with milliseconds on the wire, as in `2026-01-31T12:00:00.000Z`. */
export const Moment = Schema.String.annotate({ format: "date-time" }).pipe(
  Schema.decodeTo(Schema.DateTimeUtcFromString)
)
