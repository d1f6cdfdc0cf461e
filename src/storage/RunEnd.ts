import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type FinalRunStatus, type Lease, type RunError, RunId, type RunTotals } from "../domain/Run.ts"
import type { SessionStatus } from "../domain/Session.ts"
import type { NewMemoryJob } from "./MemoryJobRepository.ts"
import { tellRunsEnded } from "./Outbox.ts"
import { json, storable, texts } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"
import { type LogRecord, recordColumns } from "./RunEventRepository.ts"
import { setTotals } from "./RunTotals.ts"

/** How a run ended. */
export interface RunEnd extends RunTotals {
  readonly status: FinalRunStatus
  readonly session_status: SessionStatus
  /** Whether the run left its whole conversation in the database. */
  readonly transcript_complete: boolean
  readonly error: RunError | null
}

const RunKey = Schema.Struct({ id: RunId })

/** The statements with which the holder of a lease lets its run go: at its end, or until somebody has answered. */
export const makeRunEnd = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const runKey = firstRow(RunKey)

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

  return {
    /** Ends it; none when the lease is not held, unless the same end was written before. */
    end: (lease: Lease, events: ReadonlyArray<LogRecord>, end: RunEnd, job: NewMemoryJob | undefined) =>
      Effect.flatMap(writeEnd(lease, events, end, job), (ended) =>
        Option.isSome(ended) ? Effect.succeed(ended) : endedUnder(lease)
      ),
    /** Has it wait, or queued; none likewise. To be run in a transaction. */
    letGo
  }
})
