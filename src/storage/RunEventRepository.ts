import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, type Statement } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type InstanceId, type Lease, RunId, Sequence } from "../domain/Run.ts"
import { RunEvent, type RunEventName } from "../domain/RunEvent.ts"
import { SessionId } from "../domain/Session.ts"
import { TenantId } from "../domain/Tenant.ts"
import type { NewApproval } from "./ApprovalRepository.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { tellApprovalsNeeded } from "./Outbox.ts"
import { flags, integers, storable, texts, uuids } from "./Parameters.ts"
import { allRows } from "./Rows.ts"

const EventName = Schema.Union(RunEvent.members.map((member) => member.fields.event))

/** An event as it is stored and sent: its data is encoded once. */
export const LogRecord = Schema.Struct({
  tenant_id: TenantId,
  session_id: SessionId,
  run_id: RunId,
  seq: Sequence,
  event: EventName,
  /** JSON in one line: the exact text of the frame's `data:`. */
  data: Schema.String
})
export type LogRecord = typeof LogRecord.Type

/** An event as it is read: what became of the session between its runs belongs to none. */
export const StoredRecord = Schema.Struct({ ...LogRecord.fields, run_id: Schema.NullOr(RunId) })
export type StoredRecord = typeof StoredRecord.Type

/** Records as the columns of a statement's `unnest`. */
export const recordColumns = (records: ReadonlyArray<LogRecord>) => ({
  runs: uuids(records.map((record) => record.run_id)),
  seqs: integers(records.map((record) => record.seq)),
  events: texts(records.map((record) => record.event)),
  data: texts(records.map((record) => record.data))
})

/** An event that is to be written; with what the agent asks, if it is that. */
export interface NewRecord extends LogRecord {
  readonly approval?: NewApproval
}

/** Events of one run that are to be written together, under its lease. */
export interface LogBatch {
  readonly lease: Lease
  readonly records: ReadonlyArray<NewRecord>
}

const RunKey = Schema.Struct({ id: RunId })

/** The log in PostgreSQL. */
export class RunEventRepository extends Context.Service<
  RunEventRepository,
  {
    /**
     * Writes batches of any number of runs in one statement, with their lease rows locked.
     * Answers with the runs whose lease was held; of the others nothing was written.
     * What is there already is left as it is, so a batch whose answer got lost can be sent again.
     */
    append(owner: InstanceId, batches: ReadonlyArray<LogBatch>): Effect.Effect<ReadonlyArray<RunId>, DatabaseFailure>
    /** Events of a session after a sequence number, oldest first, at most `limit`; of one run only if it is named. */
    read(
      tenant: TenantId,
      session: SessionId,
      options: {
        readonly after: Sequence
        readonly limit: number
        readonly until?: Sequence
        readonly run?: RunId
        /** Only events of these names. */
        readonly events?: ReadonlyArray<RunEventName>
        /** Without what was taken back, as of `until`. */
        readonly conversation?: boolean
      }
    ): Effect.Effect<ReadonlyArray<StoredRecord>, DatabaseFailure>
  }
>()("causeway/storage/RunEventRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RunEventRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const runKeys = allRows(RunKey)
      const storedRecords = allRows(StoredRecord)
      const inConversation = (until: Sequence | undefined) => sql`NOT EXISTS (
        SELECT FROM session_rewinds AS rewind
        WHERE rewind.session_id = run_events.session_id AND seq > rewind.from_seq AND seq < rewind.at_seq
          AND ${until === undefined ? sql`true` : sql`rewind.at_seq <= ${until}::bigint`}
      )`

      // What is asked is there exactly when the event is that says so: the statement writes both.
      const approvalsIn = (records: ReadonlyArray<NewRecord>): Statement.Fragment => {
        const asked = records.flatMap(({ approval, run_id }) =>
          approval === undefined ? [] : [{ ...approval, run_id }]
        )
        if (asked.length === 0) return sql.literal("")
        return sql`, asked AS (
              INSERT INTO approvals
                (id, tenant_id, session_id, run_id, kind, tool_name, tool_use_id, input, reason, rules, of_subagent,
                  expires_at)
              SELECT asked.id, held.tenant_id, held.session_id, held.id, asked.kind, asked.tool_name,
                asked.tool_use_id, asked.input::json, asked.reason, asked.rules::json, asked.of_subagent,
                asked.expires_at::timestamptz
              FROM held JOIN unnest(
                ${uuids(asked.map(({ run_id }) => run_id))},
                ${uuids(asked.map(({ id }) => id))},
                ${texts(asked.map(({ kind }) => kind))},
                ${texts(asked.map(({ request }) => storable(request.tool_name)))},
                ${texts(asked.map(({ request }) => storable(request.tool_use_id)))},
                ${texts(asked.map(({ request }) => JSON.stringify(request.input)))},
                ${texts(asked.map(({ request }) => storable(request.reason)))},
                ${texts(asked.map(({ request }) => JSON.stringify(request.rules)))},
                ${flags(asked.map(({ request }) => request.endsWithProcess))},
                ${texts(asked.map(({ expires_at }) => DateTime.formatIso(expires_at)))}
              ) AS asked (run_id, id, kind, tool_name, tool_use_id, input, reason, rules, of_subagent, expires_at)
                ON asked.run_id = held.id
              ON CONFLICT (id) DO NOTHING
              RETURNING approvals.*
            ), told AS (
              ${tellApprovalsNeeded(sql, "asked")}
            )`
      }

      const append = Effect.fn("RunEventRepository.append")((owner: InstanceId, batches: ReadonlyArray<LogBatch>) => {
        const leases = batches.map((batch) => batch.lease)
        const all = batches.flatMap((batch) => batch.records)
        const records = recordColumns(all)
        return execute(
          "RunEventRepository.append",
          runKeys(sql`
            WITH held AS MATERIALIZED (
              SELECT runs.id, runs.session_id, runs.tenant_id
              FROM runs
              JOIN unnest(${uuids(leases.map((lease) => lease.run_id))}, ${integers(leases.map((lease) => lease.fence))})
                AS lease (run_id, fence) ON lease.run_id = runs.id AND lease.fence = runs.fence
              WHERE runs.owner = ${owner} AND runs.status = 'running'
              ORDER BY runs.id
              FOR NO KEY UPDATE OF runs
            ), record AS MATERIALIZED (
              SELECT * FROM unnest(${records.runs}, ${records.seqs}, ${records.events}, ${records.data})
                AS record (run_id, seq, event, data)
            ), written AS (
              INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
              SELECT held.session_id, record.seq, held.id, held.tenant_id, record.event, record.data
              FROM held JOIN record ON record.run_id = held.id
              ON CONFLICT (session_id, seq) DO NOTHING
            ), moved AS (
              UPDATE runs SET last_seq = greatest(runs.last_seq, newest.seq)
              FROM held JOIN (SELECT run_id, max(seq) AS seq FROM record GROUP BY run_id) AS newest
                ON newest.run_id = held.id
              WHERE runs.id = held.id
            )
            ${approvalsIn(all)}
            SELECT DISTINCT id FROM held`)
        ).pipe(Effect.map((held) => held.map(({ id }) => id)))
      })

      const read = Effect.fn("RunEventRepository.read")(
        (
          tenant: TenantId,
          session: SessionId,
          options: {
            readonly after: Sequence
            readonly limit: number
            readonly until?: Sequence
            readonly run?: RunId
            readonly events?: ReadonlyArray<RunEventName>
            readonly conversation?: boolean
          }
        ) =>
          execute(
            "RunEventRepository.read",
            storedRecords(sql`
              SELECT tenant_id, session_id, run_id, seq, event, data FROM run_events
              WHERE ${sql.and([
                sql`session_id = ${session} AND tenant_id = ${tenant} AND seq > ${options.after}::bigint`,
                ...(options.until === undefined ? [] : [sql`seq <= ${options.until}::bigint`]),
                ...(options.run === undefined ? [] : [sql`run_id = ${options.run}`]),
                ...(options.conversation === true ? [inConversation(options.until)] : []),
                ...(options.events === undefined ? [] : [sql`event = ANY(${texts(options.events)})`])
              ])}
              ORDER BY seq LIMIT ${options.limit}`)
          )
      )

      return RunEventRepository.of({ append, read })
    })
  )
}
