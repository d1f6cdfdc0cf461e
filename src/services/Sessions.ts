import type { Effect } from "effect"
import { Context } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { SessionBusy, SessionNotFound, SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure, DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { RunId, Sequence } from "../domain/Run.ts"
import type { MessageData } from "../domain/RunEvent.ts"
import type { Session, SessionId } from "../domain/Session.ts"
import type { SessionFilter, SessionPatch } from "../storage/SessionRepository.ts"

/** What reading sessions can fail with. */
export type ReadFailure = DbUnavailable | DbOperational | SessionRetrievalFailed

/** A message of a session's history. */
export interface StoredMessage {
  readonly session_id: SessionId
  readonly run_id: RunId
  readonly seq: Sequence
  readonly message: typeof MessageData.Type
}

/** Where a page of messages begins: after this event. */
export interface MessagePosition {
  readonly session_id: SessionId
  readonly seq: Sequence
}

/** A part of a session's history, oldest first. */
export interface MessagePage {
  readonly messages: ReadonlyArray<StoredMessage>
  readonly next: MessagePosition | null
}

/** Sessions of a tenant. Another tenant's do not exist for it. */
export class Sessions extends Context.Service<
  Sessions,
  {
    get(principal: Principal, id: SessionId): Effect.Effect<Session, SessionNotFound | ReadFailure>
    list(
      principal: Principal,
      filter: SessionFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Session>, ReadFailure>
    update(
      principal: Principal,
      id: SessionId,
      patch: SessionPatch
    ): Effect.Effect<Session, SessionNotFound | DatabaseFailure>
    delete(principal: Principal, id: SessionId): Effect.Effect<void, SessionNotFound | SessionBusy | DatabaseFailure>
    /** The messages of the session; a fork's begin with those of the session that it left, up to there. */
    messages(
      principal: Principal,
      id: SessionId,
      position: MessagePosition | null,
      size: number
    ): Effect.Effect<MessagePage, SessionNotFound | ReadFailure>
  }
>()("causeway/services/Sessions") {}
