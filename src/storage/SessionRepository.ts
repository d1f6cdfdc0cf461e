import type { DateTime, Effect, Option } from "effect"
import { Context } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { RunId, Sequence } from "../domain/Run.ts"
import type { Session, SessionId, SessionMode, SessionStatus } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** Which sessions a list shows; every condition that is given must hold. */
export interface SessionFilter {
  readonly mode?: SessionMode
  readonly status?: SessionStatus
  /** All of them. */
  readonly tags?: ReadonlyArray<string>
  /** From this moment on. */
  readonly created_after?: DateTime.Utc
  /** Before this moment. */
  readonly created_before?: DateTime.Utc
  /** Part of the title, in either case; `%` and `_` mean themselves. */
  readonly search?: string
}

/** What a client may change; what is absent stays. */
export interface SessionPatch {
  readonly title?: string | null
  readonly metadata?: Session["metadata"]
  readonly tags?: ReadonlyArray<string>
}

/** A stretch of a session's history: a fork's begins with its parent's up to where it left. */
export interface HistorySegment {
  readonly session_id: SessionId
  /** The last sequence number of the stretch; null for the session itself, which is open. */
  readonly until: Sequence | null
}

/** What became of a request to delete a session. */
export type Deletion =
  | { readonly _tag: "Deleted" }
  | { readonly _tag: "Absent" }
  /** It has a live run. */
  | { readonly _tag: "Busy"; readonly run_id: RunId }

/** Sessions in PostgreSQL. Every method sees one tenant's only. */
export class SessionRepository extends Context.Service<
  SessionRepository,
  {
    find(tenant: TenantId, id: SessionId): Effect.Effect<Option.Option<Session>, DatabaseFailure>
    /** Newest first, from after `position`. */
    list(
      tenant: TenantId,
      filter: SessionFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Session>, DatabaseFailure>
    /** None when there is no such session. */
    update(tenant: TenantId, id: SessionId, patch: SessionPatch): Effect.Effect<Option.Option<Session>, DatabaseFailure>
    /** Removes it with its runs, events and transcript; its forks keep what they copied. */
    delete(tenant: TenantId, id: SessionId): Effect.Effect<Deletion, DatabaseFailure>
    /** Oldest stretch first, ending with the session itself; empty when there is no such session. */
    history(tenant: TenantId, id: SessionId): Effect.Effect<ReadonlyArray<HistorySegment>, DatabaseFailure>
    /** Notes that a part of the conversation is missing from the store. */
    markTranscriptIncomplete(tenant: TenantId, id: SessionId): Effect.Effect<void, DatabaseFailure>
  }
>()("causeway/storage/SessionRepository") {}
