import { Schema } from "effect"

/** No connection to the database could be had. */
export class DbUnavailable extends Schema.TaggedError<DbUnavailable>()("DbUnavailable", {
  operation: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The database cannot be reached; nothing was changed."
  }
}

/** A statement failed for the server's sake: connection lost, time limit, resources. */
export class DbOperational extends Schema.TaggedError<DbOperational>()("DbOperational", {
  operation: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The database failed while it worked on this."
  }
}

/** Something with this name exists already. */
export class AlreadyExists extends Schema.TaggedError<AlreadyExists>()("AlreadyExists", {
  resource: Schema.String
}) {
  override get message() {
    return `This ${this.resource} exists already.`
  }
}

/** The server refused a statement for its own reason: a missing right, a missing column, a row that does not decode. */
export class DbRefused extends Schema.TaggedError<DbRefused>()("DbRefused", {
  operation: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The database refused this; the operator finds the reason in the log."
  }
}

/** What any statement can fail with. */
export type DatabaseFailure = DbUnavailable | DbOperational | DbRefused

/** A secret that is kept encrypted does not open: it was sealed with another key, for something else, or changed. */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  /** What the secret is for. */
  use: Schema.String,
  reason: Schema.Literals(["other_key", "changed", "unknown_version", "undecodable"])
}) {
  override get message() {
    return "A stored secret cannot be read."
  }
}

/** Redis refused, timed out or went away. */
export class RedisUnavailable extends Schema.TaggedError<RedisUnavailable>()("RedisUnavailable", {
  operation: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "Redis cannot be reached; nothing was started."
  }
}

/** A cached value does not decode. It is removed, and the database answers. */
export class CacheParseFailed extends Schema.TaggedError<CacheParseFailed>()("CacheParseFailed", {
  key: Schema.String
}) {
  override get message() {
    return "A cached value could not be read and was removed."
  }
}
