import { Context, Effect, Layer, Option, Predicate, Schema } from "effect"
import { SqlClient, type Statement } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type Lease, RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { TranscriptEntry } from "../domain/Transcript.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { storable, texts } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"

const RunKey = Schema.Struct({ id: RunId })
const Subpath = Schema.Struct({ subpath: Schema.String })

// It was JSON when it went in. To look at every value of a long conversation again would hold up everybody else.
const StoredEntry = Schema.Struct({
  entry: Schema.declare(
    (value): value is TranscriptEntry => Predicate.hasProperty(value, "type") && typeof value.type === "string"
  )
})

/** The agents' own records of conversations in PostgreSQL. */
export class TranscriptRepository extends Context.Service<
  TranscriptRepository,
  {
    /** Appends in order under the run's lease; an entry whose uuid is there stays as it was. False when the lease is lost. */
    append(
      tenant: TenantId,
      lease: Lease,
      subpath: string,
      entries: ReadonlyArray<TranscriptEntry>
    ): Effect.Effect<boolean, DatabaseFailure>
    /**
     * All entries in order, empty when there are none. For a fork of the session, only those of the runs
     * that had ended when the fork was made.
     */
    load(
      tenant: TenantId,
      session: SessionId,
      subpath: string,
      fork?: SessionId
    ): Effect.Effect<ReadonlyArray<TranscriptEntry>, DatabaseFailure>
    /** The main conversation's entries, in order, of the run that has not ended. */
    loadLive(tenant: TenantId, session: SessionId): Effect.Effect<ReadonlyArray<TranscriptEntry>, DatabaseFailure>
    /** The subpaths with entries, without the main conversation's empty one; for a fork as with `load`. */
    subpaths(
      tenant: TenantId,
      session: SessionId,
      fork?: SessionId
    ): Effect.Effect<ReadonlyArray<string>, DatabaseFailure>
  }
>()("causeway/storage/TranscriptRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    TranscriptRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const runKey = firstRow(RunKey)
      const entriesOf = allRows(StoredEntry)
      const subpathsOf = allRows(Subpath)

      const append = Effect.fn("TranscriptRepository.append")(
        (tenant: TenantId, lease: Lease, subpath: string, entries: ReadonlyArray<TranscriptEntry>) =>
          execute(
            "TranscriptRepository.append",
            runKey(sql`
              WITH held AS MATERIALIZED (
                SELECT id, session_id, tenant_id, fence FROM runs
                WHERE id = ${lease.run_id} AND session_id = ${lease.session_id} AND tenant_id = ${tenant}
                  AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint AND status = 'running'
                FOR NO KEY UPDATE
              ), written AS (
                INSERT INTO transcript_entries (session_id, subpath, tenant_id, fence, uuid, entry)
                SELECT held.session_id, ${storable(subpath)}, held.tenant_id, held.fence, line.uuid, line.entry::json
                FROM held CROSS JOIN unnest(
                  ${texts(entries.map((entry) => (entry.uuid === undefined ? null : storable(entry.uuid))))},
                  ${texts(entries.map((entry) => JSON.stringify(entry)))}
                ) WITH ORDINALITY AS line (uuid, entry, number)
                ORDER BY line.number
                ON CONFLICT (session_id, subpath, uuid) WHERE uuid IS NOT NULL DO NOTHING
              )
              SELECT id FROM held`)
          ).pipe(Effect.map(Option.isSome))
      )

      const forkedAt = (session: SessionId, fork: SessionId) =>
        sql`SELECT parent_fence FROM sessions WHERE id = ${fork} AND parent_session_id = ${session}`

      const notTakenBack = sql`NOT EXISTS (
        SELECT FROM session_rewinds AS rewind
        WHERE rewind.session_id = transcript_entries.session_id AND fence >= rewind.from_fence
          AND fence < rewind.at_fence
      )`

      const visible = (tenant: TenantId, session: SessionId, fork: SessionId | undefined): Statement.Fragment =>
        fork === undefined
          ? sql`session_id = ${session} AND tenant_id = ${tenant} AND ${notTakenBack}`
          : sql`session_id = ${session} AND tenant_id = ${tenant} AND fence <= (${forkedAt(session, fork)})
              AND ${sql`NOT EXISTS (
                SELECT FROM session_rewinds AS rewind
                WHERE rewind.session_id = transcript_entries.session_id AND fence >= rewind.from_fence
                  AND fence < rewind.at_fence AND rewind.at_fence <= (${forkedAt(session, fork)})
              )`}`

      const load = Effect.fn("TranscriptRepository.load")(
        (tenant: TenantId, session: SessionId, subpath: string, fork?: SessionId) =>
          execute(
            "TranscriptRepository.load",
            entriesOf(sql`
              SELECT entry FROM transcript_entries
              WHERE ${visible(tenant, session, fork)} AND subpath = ${storable(subpath)}
              ORDER BY position`)
          ).pipe(Effect.map((rows) => rows.map(({ entry }) => entry)))
      )

      // last_fence is that of the last run that ended.
      const loadLive = Effect.fn("TranscriptRepository.loadLive")((tenant: TenantId, session: SessionId) =>
        execute(
          "TranscriptRepository.loadLive",
          entriesOf(sql`
            SELECT entry FROM transcript_entries
            WHERE ${visible(tenant, session, undefined)} AND subpath = ''
              AND fence > (SELECT last_fence FROM sessions WHERE id = ${session})
            ORDER BY position`)
        ).pipe(Effect.map((rows) => rows.map(({ entry }) => entry)))
      )

      const subpaths = Effect.fn("TranscriptRepository.subpaths")(
        (tenant: TenantId, session: SessionId, fork?: SessionId) =>
          execute(
            "TranscriptRepository.subpaths",
            subpathsOf(sql`
              SELECT DISTINCT subpath FROM transcript_entries
              WHERE ${visible(tenant, session, fork)} AND subpath <> '' ORDER BY subpath`)
          ).pipe(Effect.map((rows) => rows.map(({ subpath }) => subpath)))
      )

      return TranscriptRepository.of({ append, load, loadLive, subpaths })
    })
  )
}
