import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, Statement } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { ProjectId } from "../domain/Project.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { Session, SessionId, type SessionMode, type SessionStatus } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { json, storable, texts, uuids } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** Which sessions a list shows; every condition that is given must hold. */
export interface SessionFilter {
  readonly mode?: SessionMode
  readonly status?: SessionStatus
  readonly project_id?: ProjectId
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
  readonly budget_usd?: number | null
}

/** A stretch of a session's history: a fork's begins with its parent's up to where it left. */
export const HistorySegment = Schema.Struct({
  session_id: SessionId,
  /** The last sequence number of the stretch; null for the session itself, which is open. */
  until: Schema.NullOr(Sequence)
})
export type HistorySegment = typeof HistorySegment.Type

/** Where a session's log has got to. */
export const SessionReach = Schema.Struct({
  /** The number of the last event so far. */
  last_seq: Sequence,
  /** Whether a run is queued, running or waiting. */
  live: Schema.Boolean
})
export type SessionReach = typeof SessionReach.Type

/** What became of a request to delete a session. */
export type Deletion =
  | { readonly _tag: "Deleted" }
  | { readonly _tag: "Absent" }
  /** It has a live run. */
  | { readonly _tag: "Busy"; readonly run_id: RunId }

const SessionKey = Schema.Struct({ id: SessionId })
const RunKey = Schema.Struct({ id: RunId })

/** The columns of a session as clients see it. */
export const sessionColumns = Object.keys(Session.fields).join(", ")

const likePattern = (part: string) => `%${storable(part).replaceAll(/[\\%_]/g, "\\$&")}%`

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
    /** Puts it into a project, as a session of mode `code`; none when there is no such session or no such project. */
    promote(tenant: TenantId, id: SessionId, project: ProjectId): Effect.Effect<Option.Option<Session>, DatabaseFailure>
    /** Removes it with its runs, events and transcript; its forks keep what they copied. */
    delete(tenant: TenantId, id: SessionId): Effect.Effect<Deletion, DatabaseFailure>
    /**
     * Oldest stretch first, ending with the session itself; empty when there is no such session.
     * A stretch may be of a session that was deleted since: its events stay for its forks.
     */
    history(tenant: TenantId, id: SessionId): Effect.Effect<ReadonlyArray<HistorySegment>, DatabaseFailure>
    /** Where a session's log has got to; none when there is no such session. */
    reach(tenant: TenantId, id: SessionId): Effect.Effect<Option.Option<SessionReach>, DatabaseFailure>
  }
>()("causeway/storage/SessionRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    SessionRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const columns = sql.literal(sessionColumns)
      const session = firstRow(Session)
      const page = pageOf(Session)
      const segments = allRows(HistorySegment)
      const sessionKeys = allRows(SessionKey)
      const sessionKey = firstRow(SessionKey)
      const sessionReach = firstRow(SessionReach)
      const runKey = firstRow(RunKey)

      const find = Effect.fn("SessionRepository.find")((tenant: TenantId, id: SessionId) =>
        execute(
          "SessionRepository.find",
          session(sql`SELECT ${columns} FROM sessions WHERE id = ${id} AND tenant_id = ${tenant}`)
        )
      )

      const conditions = (filter: SessionFilter): ReadonlyArray<Statement.Fragment> => [
        ...(filter.mode === undefined ? [] : [sql`mode = ${filter.mode}`]),
        ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
        ...(filter.project_id === undefined ? [] : [sql`project_id = ${filter.project_id}`]),
        ...(filter.tags === undefined ? [] : [sql`tags @> ${texts(filter.tags.map(storable))}`]),
        ...(filter.created_after === undefined
          ? []
          : [sql`created_at >= ${DateTime.formatIso(filter.created_after)}::timestamptz`]),
        ...(filter.created_before === undefined
          ? []
          : [sql`created_at < ${DateTime.formatIso(filter.created_before)}::timestamptz`]),
        ...(filter.search === undefined ? [] : [sql`title ILIKE ${likePattern(filter.search)}`])
      ]

      const list = Effect.fn("SessionRepository.list")(
        (tenant: TenantId, filter: SessionFilter, position: PagePosition | null, size: number) =>
          execute(
            "SessionRepository.list",
            page(
              size,
              sql`
                SELECT ${columns} FROM sessions
                WHERE ${sql.and([sql`tenant_id = ${tenant}`, after(sql, position), ...conditions(filter)])}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
      )

      const changes = (patch: SessionPatch): ReadonlyArray<Statement.Fragment> => [
        ...(patch.title === undefined ? [] : [sql`title = ${storable(patch.title)}`]),
        ...(patch.metadata === undefined ? [] : [sql`metadata = ${json(patch.metadata)}`]),
        ...(patch.budget_usd === undefined ? [] : [sql`budget_usd = ${patch.budget_usd}`]),
        ...(patch.tags === undefined ? [] : [sql`tags = ${texts(patch.tags.map(storable))}`])
      ]

      const update = Effect.fn("SessionRepository.update")((tenant: TenantId, id: SessionId, patch: SessionPatch) => {
        const changed = changes(patch)
        if (changed.length === 0) return find(tenant, id)
        return execute(
          "SessionRepository.update",
          session(sql`
            UPDATE sessions SET ${Statement.join(", ", false)([...changed, sql`updated_at = now()`])}
            WHERE id = ${id} AND tenant_id = ${tenant}
            RETURNING ${columns}`)
        )
      })

      const promote = Effect.fn("SessionRepository.promote")((tenant: TenantId, id: SessionId, project: ProjectId) =>
        execute(
          "SessionRepository.promote",
          session(sql`
            WITH project AS MATERIALIZED (
              SELECT id AS project FROM projects WHERE id = ${project} AND tenant_id = ${tenant} FOR KEY SHARE
            )
            UPDATE sessions SET project_id = project, mode = 'code', updated_at = now()
            FROM project WHERE id = ${id} AND tenant_id = ${tenant}
            RETURNING ${columns}`)
        )
      )

      const remove = Effect.fnUntraced(function* (tenant: TenantId, id: SessionId) {
        // One at a time for a tenant: of two deletions that free the same ancestor, each would see the other's need.
        yield* sql`SELECT pg_advisory_xact_lock(hashtext('causeway/deletion'), hashtext(${tenant}))::text`
        const found = yield* sessionKey(
          sql`SELECT id FROM sessions WHERE id = ${id} AND tenant_id = ${tenant} FOR UPDATE`
        )
        if (Option.isNone(found)) return { _tag: "Absent" } as const
        const live = yield* runKey(
          sql`
            SELECT id FROM runs WHERE session_id = ${id} AND status IN ('queued', 'running', 'waiting')
            ORDER BY status = 'queued' LIMIT 1`
        )
        if (Option.isSome(live)) return { _tag: "Busy", run_id: live.value.id } as const

        const ancestors = yield* sessionKeys(
          sql`SELECT ancestor_id AS id FROM session_ancestors WHERE session_id = ${id}`
        )
        yield* sql`DELETE FROM sessions WHERE id = ${id}`
        // Of a session that is gone, the events stay up to where the last fork left that still needs them.
        yield* sql`
          WITH gone AS (
            SELECT candidate.id, coalesce(max(needed.until_seq), 0) AS until
            FROM unnest(${uuids([id, ...ancestors.map((ancestor) => ancestor.id)])}) AS candidate (id)
            LEFT JOIN session_ancestors needed ON needed.ancestor_id = candidate.id
            WHERE NOT EXISTS (SELECT FROM sessions WHERE sessions.id = candidate.id)
            GROUP BY candidate.id
          )
          DELETE FROM run_events USING gone WHERE run_events.session_id = gone.id AND run_events.seq > gone.until`
        return { _tag: "Deleted" } as const
      })

      const history = Effect.fn("SessionRepository.history")((tenant: TenantId, id: SessionId) =>
        execute(
          "SessionRepository.history",
          segments(sql`
            SELECT ancestor_id AS session_id, until_seq AS until, position
            FROM session_ancestors JOIN sessions ON sessions.id = session_id
            WHERE session_id = ${id} AND tenant_id = ${tenant}
            UNION ALL
            SELECT id, NULL, NULL FROM sessions WHERE id = ${id} AND tenant_id = ${tenant}
            ORDER BY position NULLS LAST`)
        )
      )

      const reach = Effect.fn("SessionRepository.reach")((tenant: TenantId, id: SessionId) =>
        execute(
          "SessionRepository.reach",
          sessionReach(sql`
            SELECT greatest(sessions.last_seq, max(live.last_seq)) AS last_seq, count(live.id) > 0 AS live
            FROM sessions LEFT JOIN runs live
              ON live.session_id = sessions.id AND live.status IN ('queued', 'running', 'waiting')
            WHERE sessions.id = ${id} AND sessions.tenant_id = ${tenant}
            GROUP BY sessions.id`)
        )
      )

      return SessionRepository.of({
        find,
        list,
        update,
        promote,
        delete: Effect.fn("SessionRepository.delete")((tenant: TenantId, id: SessionId) =>
          execute("SessionRepository.delete", transaction(remove(tenant, id)))
        ),
        history,
        reach
      })
    })
  )
}
