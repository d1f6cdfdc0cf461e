import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type InstanceId, Lease, Run, RunId, type RunTotals } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { DatabaseLimits } from "./DatabaseLimits.ts"
import { LeaseConnection } from "./LeaseConnection.ts"
import type { NewRun, RunStart } from "./NewRun.ts"
import type { NewMemoryJob } from "./MemoryJobRepository.ts"
import { integers, uuids } from "./Parameters.ts"
import type { LogRecord } from "./RunEventRepository.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeRunEnd, type RunEnd } from "./RunEnd.ts"
import { makeRunStart, runColumns } from "./RunStart.ts"
import { storedColumns, StoredRow, storedRun, type StoredRun } from "./StoredRun.ts"
import { makeTransaction } from "./Transaction.ts"

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
      const runEnd = yield* makeRunEnd
      const columns = sql.literal(runColumns)
      const run = firstRow(Run)
      const runKeys = allRows(RunKey)
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

      const finish = Effect.fn("RunRepository.finish")(
        (lease: Lease, events: ReadonlyArray<LogRecord>, end: RunEnd, job?: NewMemoryJob) =>
          execute("RunRepository.finish", runEnd.end(lease, events, end, job)).pipe(Effect.map(Option.isSome))
      )

      const wait = Effect.fn("RunRepository.wait")(
        (lease: Lease, events: ReadonlyArray<LogRecord>, totals: RunTotals) =>
          execute("RunRepository.wait", transaction(runEnd.letGo(lease, events, totals))).pipe(
            Effect.map(Option.isSome)
          )
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
