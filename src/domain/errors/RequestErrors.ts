import { Schema } from "effect"

/** The key is missing, unknown or revoked. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  reason: Schema.Literals(["missing", "invalid"])
}) {
  override get message() {
    return this.reason === "missing"
      ? "Send an API key in X-API-Key or as a bearer token."
      : "The API key is unknown or was revoked."
  }
}

/** The key is good but may not do this. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  scope: Schema.String
}) {
  override get message() {
    return `This needs an API key with the scope ${this.scope}.`
  }
}

/** One place where a request does not fit; `path` starts at the part of the request, as in `body.max_turns`. */
export const ValidationIssue = Schema.Struct({
  path: Schema.String,
  message: Schema.String
})
export type ValidationIssue = typeof ValidationIssue.Type

/** The request was understood and does not fit the API. */
export class ValidationFailed extends Schema.TaggedError<ValidationFailed>()("ValidationFailed", {
  issues: Schema.Array(ValidationIssue)
}) {
  override get message() {
    const [first] = this.issues
    return first === undefined ? "The request is not valid." : `${first.path}: ${first.message}`
  }
}

/** A timestamp from a client or an imported document is none. */
export class DatetimeParse extends Schema.TaggedError<DatetimeParse>()("DatetimeParse", {
  field: Schema.String
}) {
  override get message() {
    return `${this.field} is not an RFC 3339 timestamp.`
  }
}

/** The bytes on the connection are not HTTP. */
export class RequestMalformed extends Schema.TaggedError<RequestMalformed>()("RequestMalformed", {}) {
  override get message() {
    return "The request is not valid HTTP."
  }
}

/** The client took too long to send its request. */
export class RequestTimedOut extends Schema.TaggedError<RequestTimedOut>()("RequestTimedOut", {}) {
  override get message() {
    return "The request did not arrive in time."
  }
}

/** The header section is over the limit. */
export class HeadersTooLarge extends Schema.TaggedError<HeadersTooLarge>()("HeadersTooLarge", {}) {
  override get message() {
    return "The request's headers are too large."
  }
}

/** The body is over the limit. */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  limit_bytes: Schema.Int
}) {
  override get message() {
    return `A request body may have at most ${this.limit_bytes} bytes.`
  }
}

/** The body is not JSON by its content type. */
export class UnsupportedMediaType extends Schema.TaggedError<UnsupportedMediaType>()("UnsupportedMediaType", {
  expected: Schema.String
}) {
  override get message() {
    return `Send the body as ${this.expected}.`
  }
}

/** No such path. */
export class RouteNotFound extends Schema.TaggedError<RouteNotFound>()("RouteNotFound", {}) {
  override get message() {
    return "There is nothing at this path."
  }
}

/** The path exists, with other methods. */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  allowed: Schema.Array(Schema.String)
}) {
  override get message() {
    return `This path answers ${this.allowed.join(", ")}.`
  }
}

/** The tenant sends faster than it may. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return `Too many requests: try again in ${this.retry_after_seconds} s.`
  }
}

/** The Idempotency-Key was used before with another body. */
export class IdempotencyMismatch extends Schema.TaggedError<IdempotencyMismatch>()("IdempotencyMismatch", {
  idempotency_key: Schema.String
}) {
  override get message() {
    return "This Idempotency-Key was already used for another request."
  }
}

/** The service is about to stop and takes no new work. */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()("ShuttingDown", {
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return "This instance is shutting down."
  }
}

/** As much runs here as the limits allow. */
export class CapacityExceeded extends Schema.TaggedError<CapacityExceeded>()("CapacityExceeded", {
  limit: Schema.Int,
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return `${this.limit} runs are going on already.`
  }
}

/** The tenant reads as many streams of this instance as it may. */
export class TooManyStreams extends Schema.TaggedError<TooManyStreams>()("TooManyStreams", {
  limit: Schema.Int,
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return `${this.limit} streams are open already.`
  }
}

/** The path speaks WebSocket only, and the request is no handshake of it. */
export class UpgradeRequired extends Schema.TaggedError<UpgradeRequired>()("UpgradeRequired", {}) {
  override get message() {
    return "This path speaks WebSocket (RFC 6455, version 13)."
  }
}

/** A page of another origin, which CORS_ORIGINS does not name, tried to open a WebSocket. */
export class OriginRefused extends Schema.TaggedError<OriginRefused>()("OriginRefused", {}) {
  override get message() {
    return "Pages of this origin may not open a WebSocket here."
  }
}

/** A WebSocket follows as much as one may. */
export class TooManySubscriptions extends Schema.TaggedError<TooManySubscriptions>()("TooManySubscriptions", {
  limit: Schema.Int
}) {
  override get message() {
    return `One connection may follow ${this.limit} runs and sessions at once.`
  }
}

/** This machine cannot take another agent now: its memory or its processors are used up. */
export class InstanceOverloaded extends Schema.TaggedError<InstanceOverloaded>()("InstanceOverloaded", {
  reason: Schema.Literals(["memory", "starts"]),
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return this.reason === "memory"
      ? "This instance has too little free memory for another agent."
      : "Too many agents are starting on this instance."
  }
}

/** A bug. What it was is in the log, under the request's id. */
export class Internal extends Schema.TaggedError<Internal>()("Internal", {}) {
  override get message() {
    return "Something unexpected happened; the operator finds it in the log under this request_id."
  }
}
