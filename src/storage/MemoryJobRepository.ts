import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type Memory, type MemoryActor, MemoryScope } from "../domain/Memory.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type InstanceId, RunId, Sequence } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makeMemoryWriting, type MemoryWrite } from "./MemoryWriting.ts"
import { makePendingDone } from "./PendingDone.ts"
import { LogRecord } from "./RunEventRepository.ts"
import { allRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** A run from which something is to be learned. `attempts` tells one holder from the next: only the latest may write. */
export const MemoryJob = Schema.Struct({
  run_id: RunId,
  tenant_id: TenantId,
  session_id: SessionId,
  scope: MemoryScope,
  withheld: Schema.Array(Schema.String),
  attempts: Schema.Int,
  owner: Schema.String
})
export type MemoryJob = typeof MemoryJob.Type

/** The last events of a job's run as text: its `done` and, before it where there is room, an `error`. */
export interface LastEvents {
  readonly done: string
  readonly error: string | null
}

/** What saving came to: false when somebody else has the job now, and then nothing was written. */
export interface SavedJob {
  readonly held: boolean
  readonly memories: ReadonlyArray<Memory>
  readonly records: ReadonlyArray<LogRecord>
}

/** Something to pay for, in dollars; null when it is unknown how much. */
export type Spent = { readonly cost_usd: number | null } | null

const JobKey = Schema.Struct({ run_id: RunId })
const Due = Schema.Struct({ done_seq: Sequence, free: Schema.Boolean })
const Pending = Schema.Struct({ pending: Schema.Boolean })

/** What is to be learned from runs: kept until it is stored, whatever happens to the instance that works on it. */
export class MemoryJobRepository extends Context.Service<
  MemoryJobRepository,
  {
    /** Takes jobs that are due, or whose holder let them lie, for `lease_ms`. */
    claim(owner: InstanceId, lease_ms: number, limit: number): Effect.Effect<ReadonlyArray<MemoryJob>, DatabaseFailure>
    /** Keeps a job for longer; false when somebody else has it now. */
    renew(job: MemoryJob, lease_ms: number): Effect.Effect<boolean, DatabaseFailure>
    /** Stores what was learned, with its cost, and ends the job and, if it is still open, its run's stream; all or nothing. */
    save(
      job: MemoryJob,
      writes: ReadonlyArray<MemoryWrite>,
      actor: MemoryActor,
      spent: Spent,
      last: LastEvents
    ): Effect.Effect<SavedJob, DatabaseFailure>
    /** Gives a job back, to be tried again after a while; null: never. Ends its run's stream if it is still open. */
    postpone(
      job: MemoryJob,
      delay_ms: number | null,
      spent: Spent,
      last: LastEvents
    ): Effect.Effect<SavedJob, DatabaseFailure>
    /** Ends the stream of a job's run, if it is still open, while it is not known what is learned from it. */
    conclude(job: MemoryJob): Effect.Effect<ReadonlyArray<LogRecord>, DatabaseFailure>
    /** Whether the `done` of a session's latest run still waits for what is learned from it. */
    isPending(tenant: TenantId, session: SessionId): Effect.Effect<boolean, DatabaseFailure>
    /** Jobs whose run's stream should have been ended before now, since `age_ms`. */
    overdue(age_ms: number): Effect.Effect<ReadonlyArray<MemoryJob>, DatabaseFailure>
  }
>()("causeway/storage/MemoryJobRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    MemoryJobRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const writing = yield* makeMemoryWriting
      const jobs = allRows(MemoryJob)
      const keys = allRows(JobKey)
      const dues = allRows(Due)
      const records = allRows(LogRecord)
      const pending = allRows(Pending)
      const pendingDone = yield* makePendingDone
      const columns = sql.literal("run_id, tenant_id, session_id, scope, withheld, attempts, owner")

      type Subject = Pick<MemoryJob, "run_id" | "session_id" | "tenant_id">

      /** Locks the session before the job, as those do who delete it. */
      const lockSession = ({ session_id, tenant_id }: Subject) =>
        sql`SELECT id FROM sessions WHERE id = ${session_id} AND tenant_id = ${tenant_id} FOR NO KEY UPDATE`

      const writeLast = Effect.fnUntraced(function* (subject: Subject, { done, error }: LastEvents) {
        const { run_id, session_id, tenant_id } = subject
        // The number of `done` was set aside when the run ended. For one more event there is room while nothing else
        // has been written: a run that begins writes the `done` first, so it need not be asked for.
        const [due] = yield* dues(sql`
          SELECT done_seq, sessions.last_seq = done_seq AS free
          FROM memory_jobs JOIN sessions ON sessions.id = session_id
          WHERE run_id = ${run_id} AND session_id = ${session_id} AND pending_done IS NOT NULL
          FOR UPDATE OF memory_jobs`)
        if (due === undefined) return []
        const room = error !== null && due.free
        const last = room ? due.done_seq + 1 : due.done_seq
        const written = yield* records(sql`
          INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
          SELECT ${session_id}::uuid, seq, ${run_id}::uuid, ${tenant_id}::uuid, event, data
          FROM (VALUES (${last}::bigint, 'done', ${done}), (${due.done_seq}::bigint, 'error', ${error ?? ""}))
            AS last (seq, event, data)
          WHERE event = 'done' OR ${room}
          ORDER BY seq
          ON CONFLICT (session_id, seq) DO NOTHING
          RETURNING tenant_id, session_id, run_id, seq, event, data`)
        yield* sql`UPDATE memory_jobs SET pending_done = NULL WHERE run_id = ${run_id}`
        if (room) {
          yield* sql`UPDATE runs SET last_seq = ${last} WHERE id = ${run_id}`
          yield* sql`UPDATE sessions SET last_seq = ${last} WHERE id = ${session_id}`
        }
        return written.toSorted((a, b) => a.seq - b.seq)
      })

      const pay = ({ session_id, tenant_id }: Subject, spent: Spent) =>
        spent === null
          ? Effect.void
          : sql`
              UPDATE sessions SET total_cost_usd = total_cost_usd + ${spent.cost_usd ?? 0},
                cost_unknown = cost_unknown OR ${spent.cost_usd === null}, updated_at = now()
              WHERE id = ${session_id} AND tenant_id = ${tenant_id}`

      const held = ({ attempts, owner, run_id }: MemoryJob) =>
        keys(sql`
          SELECT run_id FROM memory_jobs
          WHERE run_id = ${run_id} AND owner = ${owner} AND attempts = ${attempts} FOR UPDATE`).pipe(
          Effect.map((found) => found.length > 0)
        )

      const lost: SavedJob = { held: false, memories: [], records: [] }

      const whileHeld = <E, R>(
        operation: "MemoryJobRepository.save" | "MemoryJobRepository.postpone",
        job: MemoryJob,
        statements: Effect.Effect<SavedJob, E, R>
      ) =>
        execute(
          operation,
          transaction(
            Effect.gen(function* () {
              yield* lockSession(job)
              return (yield* held(job)) ? yield* statements : lost
            })
          )
        )

      return MemoryJobRepository.of({
        claim: Effect.fn("MemoryJobRepository.claim")((owner, lease_ms, limit) =>
          execute(
            "MemoryJobRepository.claim",
            jobs(sql`
              UPDATE memory_jobs SET owner = ${owner}, attempts = attempts + 1,
                due_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
              WHERE run_id IN (
                SELECT run_id FROM memory_jobs WHERE due_at <= clock_timestamp()
                ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
              )
              RETURNING ${columns}`)
          )
        ),

        renew: Effect.fn("MemoryJobRepository.renew")(({ attempts, owner, run_id }, lease_ms) =>
          execute(
            "MemoryJobRepository.renew",
            keys(sql`
              UPDATE memory_jobs SET due_at = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
              WHERE run_id = ${run_id} AND owner = ${owner} AND attempts = ${attempts}
              RETURNING run_id`)
          ).pipe(Effect.map((renewed) => renewed.length > 0))
        ),

        save: Effect.fn("MemoryJobRepository.save")((job, writes, actor, spent, last) =>
          whileHeld(
            "MemoryJobRepository.save",
            job,
            Effect.gen(function* () {
              const memories = yield* writing.apply(job.tenant_id, writes, actor)
              yield* pay(job, spent)
              const events = yield* writeLast(job, last)
              yield* sql`DELETE FROM memory_jobs WHERE run_id = ${job.run_id}`
              return { held: true, memories, records: events }
            })
          )
        ),

        postpone: Effect.fn("MemoryJobRepository.postpone")((job, delay_ms, spent, last) =>
          whileHeld(
            "MemoryJobRepository.postpone",
            job,
            Effect.gen(function* () {
              yield* pay(job, spent)
              const events = yield* writeLast(job, last)
              const due =
                delay_ms === null
                  ? sql`'infinity'::timestamptz`
                  : sql`clock_timestamp() + ${delay_ms} * interval '1 millisecond'`
              yield* sql`UPDATE memory_jobs SET due_at = ${due} WHERE run_id = ${job.run_id}`
              return { held: true, memories: [], records: events }
            })
          )
        ),

        conclude: Effect.fn("MemoryJobRepository.conclude")((job) =>
          execute(
            "MemoryJobRepository.conclude",
            transaction(Effect.andThen(lockSession(job), pendingDone(job.session_id)))
          )
        ),

        isPending: Effect.fn("MemoryJobRepository.isPending")((tenant, session) =>
          execute(
            "MemoryJobRepository.isPending",
            pending(sql`
              SELECT EXISTS (
                SELECT FROM memory_jobs
                WHERE session_id = ${session} AND tenant_id = ${tenant} AND pending_done IS NOT NULL
              ) AS pending`)
          ).pipe(Effect.map((rows) => rows.some(({ pending }) => pending)))
        ),

        overdue: Effect.fn("MemoryJobRepository.overdue")((age_ms) =>
          execute(
            "MemoryJobRepository.overdue",
            jobs(sql`
              SELECT ${columns} FROM memory_jobs
              WHERE pending_done IS NOT NULL AND created_at < clock_timestamp() - ${age_ms} * interval '1 millisecond'
              ORDER BY created_at LIMIT 100`)
          )
        )
      })
    })
  )
}

/** A job as it is written together with the end of its run. */
export interface NewMemoryJob {
  readonly scope: MemoryScope
  readonly withheld: ReadonlyArray<string>
  readonly owner: InstanceId
  readonly lease_ms: number
  /** The number that is set aside for the run's `done`. */
  readonly done_seq: Sequence
  /** The data of that event if it is written before anything is learned. */
  readonly pending_done: string
}
