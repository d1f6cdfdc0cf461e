import { Effect } from "effect"
import { SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure, DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"

/** What reading stored data can fail with. */
export type ReadFailure = DbUnavailable | DbOperational | SessionRetrievalFailed

/** Names a refusal of the database for what it is to a reader: stored data that cannot be read. */
export const asRead = <A, R>(read: Effect.Effect<A, DatabaseFailure, R>): Effect.Effect<A, ReadFailure, R> =>
  Effect.catchTag(read, "DbRefused", ({ cause }) => Effect.fail(new SessionRetrievalFailed({ cause })))
