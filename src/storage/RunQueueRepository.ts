import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type InstanceId, type Lease, RunId, type RunTotals } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { tellRunsEnded } from "./Outbox.ts"
import { uuids } from "./Parameters.ts"
import { makePendingDone } from "./PendingDone.ts"
import { allRows, firstRow } from "./Rows.ts"
import { setTotals } from "./RunTotals.ts"
import { storedColumns, StoredRow, storedRun, type StoredRun } from "./StoredRun.ts"
import { makeTransaction } from "./Transaction.ts"

/** A queued run, and whose it is. */
export const QueuedRun = Schema.Struct({ run_id: RunId, session_id: SessionId, tenant_id: TenantId })
export type QueuedRun = typeof QueuedRun.Type

const SessionKey = Schema.Struct({ id: SessionId })
const RunKey = Schema.Struct({ id: RunId })

/**
 * Queued runs: those that wait for their session, in the order in which they came, and before them one whose instance
 * has let it go in the middle.
 *
 * Rows of queued runs are locked only by who has locked their session.
 */
export class RunQueueRepository extends Context.Service<
  RunQueueRepository,
  {
    /** The next run of each session that has none at work, longest wait first; not those of these tenants. */
    startable(except: ReadonlyArray<TenantId>, limit: number): Effect.Effect<ReadonlyArray<QueuedRun>, DatabaseFailure>
    /** Takes the next run of a session: it is `running` then. None if somebody else was faster. */
    claim(
      session: SessionId,
      owner: InstanceId,
      lease_ms: number
    ): Effect.Effect<Option.Option<StoredRun>, DatabaseFailure>
    /** Takes a run that waits for an answer: it is `running` then. None when it does not wait any more. */
    recall(
      tenant: TenantId,
      run: RunId,
      owner: InstanceId,
      lease_ms: number
    ): Effect.Effect<Option.Option<StoredRun>, DatabaseFailure>
    /** Gives a run that is not over back to the queue, with what it has come to. False when the lease is no longer held. */
    release(lease: Lease, totals: RunTotals): Effect.Effect<boolean, DatabaseFailure>
    /** Ends a queued run that never began, as interrupted. False when it is not there any more. */
    drop(tenant: TenantId, run: RunId, session: SessionId): Effect.Effect<boolean, DatabaseFailure>
    /** The queued runs of a session that never began. */
    waiting(tenant: TenantId, session: SessionId): Effect.Effect<ReadonlyArray<QueuedRun>, DatabaseFailure>
    /** Queued runs that never began and are to be dropped, since nobody has read them for so long. */
    unread(millis: number): Effect.Effect<ReadonlyArray<QueuedRun>, DatabaseFailure>
  }
>()("causeway/storage/RunQueueRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RunQueueRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const queuedRuns = allRows(QueuedRun)
      const sessionKey = firstRow(SessionKey)
      const runKey = firstRow(RunKey)
      const storedRow = firstRow(StoredRow)
      const pendingDone = yield* makePendingDone

      const startable = Effect.fn("RunQueueRepository.startable")((except: ReadonlyArray<TenantId>, limit: number) =>
        execute(
          "RunQueueRepository.startable",
          queuedRuns(sql`
            SELECT run_id, session_id, tenant_id FROM (
              SELECT DISTINCT ON (session_id) id AS run_id, session_id, tenant_id, queued_at FROM runs
              WHERE status = 'queued' AND tenant_id <> ALL(${uuids(except)}) AND NOT EXISTS (
                SELECT FROM runs busy WHERE busy.session_id = runs.session_id AND busy.status IN ('running', 'waiting')
              ) AND NOT EXISTS (
                SELECT FROM session_rewinds rewind WHERE rewind.session_id = runs.session_id
                  AND rewind.finished_at IS NULL AND rewind.expires_at > clock_timestamp()
              )
              ORDER BY session_id, fence = 0, queued_at, id
            ) AS next
            ORDER BY queued_at LIMIT ${limit}`)
        )
      )

      // Two statements: what the second one sees is what is there once the session is locked.
      const take = Effect.fnUntraced(function* (session: SessionId, owner: InstanceId, lease_ms: number) {
        const locked = yield* sessionKey(
          sql`SELECT id FROM sessions WHERE id = ${session} FOR NO KEY UPDATE SKIP LOCKED`
        )
        if (Option.isNone(locked)) return Option.none()
        // Nothing of this run may stand before the last event of the one before it.
        yield* pendingDone(session)
        return yield* storedRow(sql`
          WITH claimed AS (
            UPDATE runs SET
              status = 'running',
              owner = ${owner},
              lease_expires_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond',
              fence = greatest(runs.fence, sessions.last_fence) + 1,
              start_seq = CASE WHEN runs.fence = 0 THEN sessions.last_seq ELSE runs.start_seq END,
              last_seq = CASE WHEN runs.fence = 0 THEN sessions.last_seq ELSE runs.last_seq END
            FROM sessions
            WHERE sessions.id = ${session} AND runs.id = (
              SELECT id FROM runs WHERE session_id = ${session} AND status = 'queued'
              ORDER BY fence = 0, queued_at, id LIMIT 1
            ) AND NOT EXISTS (
              SELECT FROM runs busy WHERE busy.session_id = ${session} AND busy.status IN ('running', 'waiting')
            ) AND NOT EXISTS (
              SELECT FROM session_rewinds rewind WHERE rewind.session_id = ${session}
                AND rewind.finished_at IS NULL AND rewind.expires_at > clock_timestamp()
            )
            RETURNING runs.*, sessions.cwd
          ), active AS (
            UPDATE sessions SET status = 'active', model = claimed.model, updated_at = now()
            FROM claimed WHERE sessions.id = claimed.session_id
          )
          SELECT ${sql.literal(storedColumns("claimed"))}, claimed.cwd, sealed, on_crash, losses
          FROM claimed LEFT JOIN run_orders ON run_orders.run_id = claimed.id`)
      })

      const claim = Effect.fn("RunQueueRepository.claim")((session: SessionId, owner: InstanceId, lease_ms: number) =>
        execute("RunQueueRepository.claim", transaction(take(session, owner, lease_ms))).pipe(
          Effect.map(Option.map(storedRun))
        )
      )

      const recall = Effect.fn("RunQueueRepository.recall")(
        (tenant: TenantId, run: RunId, owner: InstanceId, lease_ms: number) =>
          execute(
            "RunQueueRepository.recall",
            storedRow(sql`
              WITH taken AS (
                UPDATE runs SET status = 'running', owner = ${owner}, fence = fence + 1,
                  lease_expires_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
                WHERE id = ${run} AND tenant_id = ${tenant} AND status = 'waiting'
                RETURNING runs.*
              )
              SELECT ${sql.literal(storedColumns("taken"))}, sessions.cwd, sealed, on_crash, losses
              FROM taken JOIN sessions ON sessions.id = taken.session_id
              LEFT JOIN run_orders ON run_orders.run_id = taken.id`)
          ).pipe(Effect.map(Option.map(storedRun)))
      )

      const release = Effect.fn("RunQueueRepository.release")((lease: Lease, totals: RunTotals) =>
        execute(
          "RunQueueRepository.release",
          runKey(sql`
            UPDATE runs SET
              status = 'queued', owner = NULL, lease_expires_at = NULL, queued_at = coalesce(queued_at, created_at),
              ${setTotals(sql, totals)}
            WHERE id = ${lease.run_id} AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint
              AND status = 'running'
            RETURNING id`)
        ).pipe(Effect.map(Option.isSome))
      )

      const remove = Effect.fnUntraced(function* (tenant: TenantId, run: RunId, session: SessionId) {
        yield* sql`SELECT id FROM sessions WHERE id = ${session} AND tenant_id = ${tenant} FOR NO KEY UPDATE`
        return yield* runKey(sql`
          WITH dropped AS (
            UPDATE runs SET
              status = 'interrupted', ended_at = now(), num_turns = 0, total_cost_usd = 0, duration_ms = 0
            WHERE id = ${run} AND tenant_id = ${tenant} AND status = 'queued' AND fence = 0
            RETURNING runs.*
          ), told AS (
            ${tellRunsEnded(sql, "dropped")}
          ), ordered AS (
            DELETE FROM run_orders USING dropped WHERE run_orders.run_id = dropped.id
          ), settled AS (
            UPDATE sessions SET status = 'completed', updated_at = now()
            FROM dropped WHERE sessions.id = dropped.session_id AND NOT EXISTS (
              SELECT FROM runs live WHERE live.session_id = sessions.id AND live.id <> dropped.id
                AND live.status IN ('queued', 'running', 'waiting')
            )
          )
          SELECT id FROM dropped`)
      })

      const drop = Effect.fn("RunQueueRepository.drop")((tenant: TenantId, run: RunId, session: SessionId) =>
        execute("RunQueueRepository.drop", transaction(remove(tenant, run, session))).pipe(Effect.map(Option.isSome))
      )

      const waiting = Effect.fn("RunQueueRepository.waiting")((tenant: TenantId, session: SessionId) =>
        execute(
          "RunQueueRepository.waiting",
          queuedRuns(sql`
            SELECT id AS run_id, session_id, tenant_id FROM runs
            WHERE session_id = ${session} AND tenant_id = ${tenant} AND status = 'queued' AND fence = 0
            ORDER BY queued_at, id`)
        )
      )

      const unread = Effect.fn("RunQueueRepository.unread")((millis: number) =>
        execute(
          "RunQueueRepository.unread",
          queuedRuns(sql`
            SELECT id AS run_id, session_id, runs.tenant_id FROM runs JOIN run_orders ON run_orders.run_id = runs.id
            WHERE status = 'queued' AND fence = 0 AND on_disconnect = 'cancel'
              AND read_at < clock_timestamp() - ${millis} * interval '1 millisecond'`)
        )
      )

      return RunQueueRepository.of({ startable, claim, recall, release, drop, waiting, unread })
    })
  )
}
