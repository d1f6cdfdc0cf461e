import { Schema } from "effect"

/** A URL leads to where this installation does not go: a private or local address, or no http at all. */
export class UrlRefused extends Schema.TaggedError<UrlRefused>()("UrlRefused", {
  /** The URL's host, which may be that of a redirect. */
  host: Schema.String
}) {
  override get message() {
    return "This URL leads to an address that must not be reached from here."
  }
}

/** What is at a URL could not be had. */
export class UrlUnreachable extends Schema.TaggedError<UrlUnreachable>()("UrlUnreachable", {
  host: Schema.String,
  reason: Schema.Literals(["no_such_host", "no_connection", "timed_out", "too_many_redirects", "too_large", "status"]),
  /** The status of the answer, if it was that. */
  status: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "What is at this URL could not be fetched."
  }
}
