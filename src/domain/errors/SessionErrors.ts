import { Schema } from "effect"
import { ApiKeyId } from "../ApiKey.ts"
import { RunId } from "../Run.ts"
import { SessionId } from "../Session.ts"

/** No such session, or another tenant's. */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", {
  session_id: SessionId
}) {
  override get message() {
    return "There is no such session."
  }
}

/** No such run, or another tenant's. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  run_id: RunId
}) {
  override get message() {
    return "There is no such run."
  }
}

/** No such API key, or another tenant's. */
export class ApiKeyNotFound extends Schema.TaggedError<ApiKeyNotFound>()("ApiKeyNotFound", {
  api_key_id: ApiKeyId
}) {
  override get message() {
    return "There is no such API key."
  }
}

/** A run of this session is going on. */
export class SessionBusy extends Schema.TaggedError<SessionBusy>()("SessionBusy", {
  session_id: SessionId,
  run_id: RunId
}) {
  override get message() {
    return "A run of this session is going on."
  }
}

/** As many runs wait already as may, for the session or of the tenant. */
export class QueueFull extends Schema.TaggedError<QueueFull>()("QueueFull", {
  session_id: SessionId,
  limit: Schema.Int,
  retry_after_seconds: Schema.Int
}) {
  override get message() {
    return `${this.limit} runs are waiting already.`
  }
}

/** The run has ended, so that it cannot be interrupted. */
export class RunOver extends Schema.TaggedError<RunOver>()("RunOver", {
  run_id: RunId
}) {
  override get message() {
    return "The run has ended."
  }
}

/** Nothing of this session is running that could be interrupted. */
export class SessionIdle extends Schema.TaggedError<SessionIdle>()("SessionIdle", {
  session_id: SessionId
}) {
  override get message() {
    return "No run of this session is going on."
  }
}

/** An answer came and no question of this session is open. */
export class NothingToAnswer extends Schema.TaggedError<NothingToAnswer>()("NothingToAnswer", {
  session_id: SessionId
}) {
  override get message() {
    return "This session has no open question."
  }
}

/** The run's owner did not take an instruction in time. */
export class RunUnresponsive extends Schema.TaggedError<RunUnresponsive>()("RunUnresponsive", {
  run_id: RunId
}) {
  override get message() {
    return "The run did not answer in time; it may have ended or its instance may have died."
  }
}

/** The run's agent does not take what it was to change to. */
export class RunChangeRefused extends Schema.TaggedError<RunChangeRefused>()("RunChangeRefused", {
  run_id: RunId,
  field: Schema.Literals(["permission_mode", "model"])
}) {
  override get message() {
    return `The run's agent does not take this ${this.field}; it goes on as it was.`
  }
}

/** The server refused to store a new session. */
export class SessionCreateFailed extends Schema.TaggedError<SessionCreateFailed>()("SessionCreateFailed", {
  session_id: SessionId,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The session could not be stored; nothing was started."
  }
}

/** The server refused to read sessions or runs, or a row does not decode. */
export class SessionRetrievalFailed extends Schema.TaggedError<SessionRetrievalFailed>()("SessionRetrievalFailed", {
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The stored data could not be read."
  }
}

/** What happened after the agent had started could not be stored. */
export class SessionPersistFailed extends Schema.TaggedError<SessionPersistFailed>()("SessionPersistFailed", {
  session_id: SessionId,
  run_id: RunId,
  /** The database's own error_id. */
  database_error_id: Schema.String,
  /** The agent's answer so far, which the database does not have. */
  unsaved_result: Schema.optionalKey(Schema.Json)
}) {
  override get message() {
    return "The run could not be stored to its end. What is in this answer exists nowhere else."
  }
}

/** This instance no longer holds the run: it must write nothing more. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  run_id: RunId
}) {
  override get message() {
    return "Another instance has taken this run over."
  }
}
