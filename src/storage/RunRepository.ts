import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import {
  type FinalRunStatus,
  type InstanceId,
  Lease,
  Run,
  type RunError,
  RunId,
  type RunTotals
} from "../domain/Run.ts"
import type { SessionId, SessionStatus } from "../domain/Session.ts"
import { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { DatabaseLimits } from "./DatabaseLimits.ts"
import { LeaseConnection } from "./LeaseConnection.ts"
import type { NewRun, RunStart } from "./NewRun.ts"
import type { NewMemoryJob } from "./MemoryJobRepository.ts"
import { tellRunsEnded } from "./Outbox.ts"
import { integers, json, storable, texts, uuids } from "./Parameters.ts"
import { type LogRecord, recordColumns } from "./RunEventRepository.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeRunStart, runColumns } from "./RunStart.ts"
import { setTotals } from "./RunTotals.ts"
import { storedColumns, StoredRow, storedRun, type StoredRun } from "./StoredRun.ts"
import { makeTransaction } from "./Transaction.ts"

/** How a run ended. */
export interface RunEnd extends RunTotals {
  readonly status: FinalRunStatus
  readonly session_status: SessionStatus
  /** Whether the run left its whole conversation in the database. */
  readonly transcript_complete: boolean
  readonly error: RunError | null
}

/** A run whose lease has run out, as the sweeper sees it. */
export interface ExpiredRun {
  readonly lease: Lease
  readonly tenant_id: TenantId
}

const RunKey = Schema.Struct({ id: RunId })

const ExpiredRow = Schema.Struct({ ...Lease.fields, tenant_id: TenantId })

const expiredRun = ({ tenant_id, ...lease }: typeof ExpiredRow.Type): ExpiredRun => ({ lease, tenant_id })

/** Runs and their leases in PostgreSQL. Time is the database's own clock. */
export class RunRepository extends Context.Service<
  RunRepository,
  {
    /** One transaction: the session is there, the run is `running`, the owner holds its lease, the key is taken. */
    start(run: NewRun): Effect.Effect<RunStart, DatabaseFailure>
    find(tenant: TenantId, id: RunId): Effect.Effect<Option.Option<Run>, DatabaseFailure>
    /** The run of a session that is at work, or else the first of those that wait, if any. */
    findLive(tenant: TenantId, session: SessionId): Effect.Effect<Option.Option<Run>, DatabaseFailure>
    /**
     * Renews all leases of an owner whose fence is unchanged, also those that ran out meanwhile.
     * Answers with those that it holds; the others are lost to it.
     */
    renew(
      owner: InstanceId,
      leases: ReadonlyArray<Lease>,
      lease_ms: number
    ): Effect.Effect<ReadonlyArray<RunId>, DatabaseFailure>
    /** Running runs of any owner whose lease has run out. */
    readonly expired: Effect.Effect<ReadonlyArray<ExpiredRun>, DatabaseFailure>
    /**
     * Takes an expired run over with fence + 1; none if it was renewed or taken meanwhile. What its agent has cost is
     * unknown from then on.
     */
    takeOver(
      run: ExpiredRun,
      owner: InstanceId,
      lease_ms: number
    ): Effect.Effect<Option.Option<StoredRun>, DatabaseFailure>
    /**
     * Writes the last events and the end states of run and session in one statement.
     * False, and nothing written, when the lease is no longer held. True again when the same end was
     * written before, so an end whose answer got lost can be sent again.
     */
    finish(
      lease: Lease,
      events: ReadonlyArray<LogRecord>,
      end: RunEnd,
      /** What is still to be learned from it; the last event is then written by that job. */
      job?: NewMemoryJob
    ): Effect.Effect<boolean, DatabaseFailure>
    /**
     * Writes the last events of a segment, with what the run has come to, and lets it go: it waits for what its agent
     * asks, or is queued when that has been answered meanwhile. False, and nothing written, when the lease is no longer
     * held.
     */
    wait(lease: Lease, events: ReadonlyArray<LogRecord>, totals: RunTotals): Effect.Effect<boolean, DatabaseFailure>
    /** Frees the Idempotency-Key of a run that failed before it began, so that the same request may be tried again. */
    releaseKey(tenant: TenantId, run: RunId): Effect.Effect<void, DatabaseFailure>
  }
>()("causeway/storage/RunRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RunRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const leases = yield* LeaseConnection
      const limits = yield* DatabaseLimits
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const runStart = yield* makeRunStart
      const columns = sql.literal(runColumns)
      const run = firstRow(Run)
      const runKeys = allRows(RunKey)
      const runKey = firstRow(RunKey)
      const expiredRows = allRows(ExpiredRow)
      const storedRow = firstRow(StoredRow)

      const start = Effect.fn("RunRepository.start")((newRun: NewRun) =>
        execute("RunRepository.start", transaction(runStart(newRun))).pipe(
          Effect.catchTag("StartRefused", ({ outcome }) => Effect.succeed(outcome))
        )
      )

      const find = Effect.fn("RunRepository.find")((tenant: TenantId, id: RunId) =>
        execute("RunRepository.find", run(sql`SELECT ${columns} FROM runs WHERE id = ${id} AND tenant_id = ${tenant}`))
      )

      const findLive = Effect.fn("RunRepository.findLive")((tenant: TenantId, session: SessionId) =>
        execute(
          "RunRepository.findLive",
          run(sql`
            SELECT ${columns} FROM runs
            WHERE session_id = ${session} AND tenant_id = ${tenant} AND status IN ('queued', 'running', 'waiting')
            ORDER BY status = 'queued', fence = 0, queued_at, id LIMIT 1`)
        )
      )

      const renew = Effect.fn("RunRepository.renew")(
        (owner: InstanceId, held: ReadonlyArray<Lease>, lease_ms: number) =>
          execute(
            "RunRepository.renew",
            runKeys(leases`
              WITH held AS MATERIALIZED (
                SELECT runs.id FROM runs
                JOIN unnest(${uuids(held.map((lease) => lease.run_id))}, ${integers(held.map((lease) => lease.fence))})
                  AS lease (run_id, fence) ON lease.run_id = runs.id AND lease.fence = runs.fence
                WHERE runs.owner = ${owner} AND runs.status = 'running'
                ORDER BY runs.id
                FOR NO KEY UPDATE OF runs
              )
              UPDATE runs SET lease_expires_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
              FROM held WHERE runs.id = held.id
              RETURNING runs.id`),
            limits.renewal
          ).pipe(Effect.map((rows) => rows.map(({ id }) => id)))
      )

      const expired = execute(
        "RunRepository.expired",
        expiredRows(sql`
          SELECT id AS run_id, session_id, owner, fence, tenant_id FROM runs
          WHERE status = 'running' AND lease_expires_at < clock_timestamp()
          ORDER BY id`)
      ).pipe(
        Effect.map((rows) => rows.map(expiredRun)),
        Effect.withSpan("RunRepository.expired")
      )

      const takeOver = Effect.fn("RunRepository.takeOver")(
        ({ lease }: ExpiredRun, owner: InstanceId, lease_ms: number) =>
          execute(
            "RunRepository.takeOver",
            storedRow(sql`
              WITH taken AS (
                UPDATE runs SET owner = ${owner}, fence = fence + 1, cost_unknown = true,
                  lease_expires_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
                WHERE id = ${lease.run_id} AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint
                  AND status = 'running' AND lease_expires_at < clock_timestamp()
                RETURNING runs.*
              ), ordered AS (
                UPDATE run_orders SET losses = losses + 1 FROM taken WHERE run_orders.run_id = taken.id
                RETURNING sealed, on_crash, losses
              )
              SELECT ${sql.literal(storedColumns("taken"))}, sessions.cwd, sealed, on_crash, losses
              FROM taken JOIN sessions ON sessions.id = taken.session_id LEFT JOIN ordered ON true`)
          ).pipe(Effect.map(Option.map(storedRun)))
      )

      const jobOf = (job: NewMemoryJob | undefined) =>
        job === undefined
          ? sql.literal("")
          : sql`, job AS (
              INSERT INTO memory_jobs (run_id, tenant_id, session_id, scope, withheld, done_seq, pending_done,
                owner, due_at)
              SELECT id, tenant_id, session_id, ${json(job.scope)}, ${texts(job.withheld.map(storable))},
                ${job.done_seq}::bigint, ${job.pending_done}, ${job.owner},
                clock_timestamp() + ${job.lease_ms} * interval '1 millisecond'
              FROM held
            )`

      const writeEnd = (lease: Lease, events: ReadonlyArray<LogRecord>, end: RunEnd, job: NewMemoryJob | undefined) => {
        const records = recordColumns(events)
        return runKey(sql`
          WITH held AS MATERIALIZED (
            SELECT id, session_id, tenant_id FROM runs
            WHERE id = ${lease.run_id} AND session_id = ${lease.session_id}
              AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint AND status = 'running'
            FOR NO KEY UPDATE
          ), record AS MATERIALIZED (
            SELECT * FROM unnest(${records.seqs}, ${records.events}, ${records.data}) AS record (seq, event, data)
          ), written AS (
            INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
            SELECT held.session_id, record.seq, held.id, held.tenant_id, record.event, record.data
            FROM held CROSS JOIN record
            ON CONFLICT (session_id, seq) DO NOTHING
          ), ordered AS (
            DELETE FROM run_orders USING held WHERE run_orders.run_id = held.id
          ), unanswered AS (
            UPDATE approvals SET status = 'cancelled' FROM held
            WHERE approvals.run_id = held.id AND approvals.status IN ('pending', 'answered')
              AND approvals.delivered_at IS NULL
          )${jobOf(job)}, ended AS (
            UPDATE runs SET
              status = ${end.status},
              ended_at = now(),
              owner = NULL,
              lease_expires_at = NULL,
              last_seq = greatest(runs.last_seq, (SELECT max(seq) FROM record), ${job?.done_seq ?? 0}::bigint),
              ${setTotals(sql, end)},
              error = ${json(end.error)}
            FROM held WHERE runs.id = held.id
            RETURNING runs.*
          ), told AS (
            ${tellRunsEnded(sql, "ended")}
          )
          UPDATE sessions SET
            status = ${end.session_status},
            last_seq = ended.last_seq,
            last_fence = ended.fence,
            total_turns = sessions.total_turns + coalesce(ended.num_turns, 0),
            total_cost_usd = sessions.total_cost_usd + coalesce(ended.total_cost_usd, 0),
            cost_unknown = sessions.cost_unknown OR ${end.cost_unknown},
            transcript_complete = sessions.transcript_complete AND ${end.transcript_complete},
            updated_at = now(),
            last_message_at = now()
          FROM ended WHERE sessions.id = ended.session_id
          RETURNING ended.id`)
      }

      // Only the holder of a fence can have ended a run under it.
      const endedUnder = (lease: Lease) =>
        runKey(sql`
          SELECT id FROM runs
          WHERE id = ${lease.run_id} AND fence = ${lease.fence}::bigint
            AND status NOT IN ('queued', 'running', 'waiting')`)

      const finish = Effect.fn("RunRepository.finish")(
        (lease: Lease, events: ReadonlyArray<LogRecord>, end: RunEnd, job?: NewMemoryJob) =>
          execute(
            "RunRepository.finish",
            writeEnd(lease, events, end, job).pipe(
              Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.succeed(ended) : endedUnder(lease)))
            )
          ).pipe(Effect.map(Option.isSome))
      )

      // Two statements: what the second one sees of the answers is what is there once the run is locked.
      const letGo = Effect.fnUntraced(function* (lease: Lease, events: ReadonlyArray<LogRecord>, totals: RunTotals) {
        const held = yield* runKey(sql`
          SELECT id FROM runs
          WHERE id = ${lease.run_id} AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint
            AND status = 'running'
          FOR NO KEY UPDATE`)
        if (Option.isNone(held)) {
          // Only the holder of a fence can have let a run go under it.
          return yield* runKey(sql`
            SELECT id FROM runs
            WHERE id = ${lease.run_id} AND fence = ${lease.fence}::bigint AND status IN ('queued', 'waiting')`)
        }
        const records = recordColumns(events)
        return yield* runKey(sql`
          WITH record AS MATERIALIZED (
            SELECT * FROM unnest(${records.seqs}, ${records.events}, ${records.data}) AS record (seq, event, data)
          ), written AS (
            INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
            SELECT runs.session_id, record.seq, runs.id, runs.tenant_id, record.event, record.data
            FROM runs CROSS JOIN record WHERE runs.id = ${lease.run_id}
            ON CONFLICT (session_id, seq) DO NOTHING
          )
          UPDATE runs SET
            status = CASE WHEN EXISTS (
              SELECT FROM approvals WHERE approvals.run_id = runs.id AND approvals.status = 'pending'
            ) THEN 'waiting' ELSE 'queued' END,
            owner = NULL, lease_expires_at = NULL, queued_at = coalesce(queued_at, created_at),
            last_seq = greatest(runs.last_seq, (SELECT max(seq) FROM record)), ${setTotals(sql, totals)}
          WHERE id = ${lease.run_id}
          RETURNING id`)
      })

      const wait = Effect.fn("RunRepository.wait")(
        (lease: Lease, events: ReadonlyArray<LogRecord>, totals: RunTotals) =>
          execute("RunRepository.wait", transaction(letGo(lease, events, totals))).pipe(Effect.map(Option.isSome))
      )

      const releaseKey = Effect.fn("RunRepository.releaseKey")((tenant: TenantId, run: RunId) =>
        execute(
          "RunRepository.releaseKey",
          sql`DELETE FROM idempotency_keys WHERE tenant_id = ${tenant} AND run_id = ${run}`
        ).pipe(Effect.asVoid)
      )

      return RunRepository.of({ start, find, findLive, renew, expired, takeOver, finish, wait, releaseKey })
    })
  )
}
