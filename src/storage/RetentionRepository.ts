import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { allRows, firstRow } from "./Rows.ts"

/** What a reader misses who goes on after a number: something after it was removed. */
export const Removal = Schema.Struct({
  /** Whether whole runs are gone, and not only pieces of messages. */
  whole: Schema.Boolean,
  /** The number of the first event after the reader's that is still there. */
  first_kept: Schema.NullOr(Sequence)
})
export type Removal = typeof Removal.Type

const RunKey = Schema.Struct({ id: RunId })

/** Removes what is kept for a time only. Each call does a small part, on one instance at a time, and answers how much. */
export class RetentionRepository extends Context.Service<
  RetentionRepository,
  {
    /** Removes the `partial` events of the oldest runs that ended longer ago; answers how many runs were done. */
    removeDeltas(keptMillis: number, runs: number): Effect.Effect<number, DatabaseFailure>
    /** Removes all events of such runs. */
    removeEvents(keptMillis: number, runs: number): Effect.Effect<number, DatabaseFailure>
    /** Removes Idempotency-Keys older than that. */
    removeKeys(keptMillis: number, keys: number): Effect.Effect<number, DatabaseFailure>
    /** Removes instructions to runs that are older than that: interrupts that were taken, and all of a run that is over. */
    removeControls(keptMillis: number, controls: number): Effect.Effect<number, DatabaseFailure>
    /** Removes what webhooks were told longer ago, and what waited that long for one that is disabled. */
    removeDeliveries(keptMillis: number, deliveries: number): Effect.Effect<number, DatabaseFailure>
    /** What was removed after a number of a session, or of one of its runs; none when all is there. */
    removedAfter(
      tenant: TenantId,
      session: SessionId,
      run: RunId | null,
      after: Sequence
    ): Effect.Effect<Option.Option<Removal>, DatabaseFailure>
  }
>()("causeway/storage/RetentionRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RetentionRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const runKeys = allRows(RunKey)
      const removal = firstRow(Removal)

      // It is held as long as the statement: another instance that comes in between finds nothing to do.
      const turn = sql`SELECT pg_try_advisory_xact_lock(hashtext('causeway'), hashtext('retention')) AS mine`
      const age = (millis: number) => sql`now() - ${millis} * interval '1 millisecond'`

      const removeDeltas = Effect.fn("RetentionRepository.removeDeltas")((keptMillis: number, runs: number) =>
        execute(
          "RetentionRepository.removeDeltas",
          runKeys(sql`
            WITH turn AS MATERIALIZED (${turn}), old AS MATERIALIZED (
              SELECT id, session_id, start_seq, last_seq FROM runs
              WHERE kept = 'all' AND ended_at IS NOT NULL AND ended_at < ${age(keptMillis)} AND (SELECT mine FROM turn)
              ORDER BY ended_at LIMIT ${runs}
              FOR NO KEY UPDATE SKIP LOCKED
            ), gone AS (
              DELETE FROM run_events USING old
              WHERE run_events.session_id = old.session_id AND run_events.event = 'partial'
                AND run_events.seq > old.start_seq AND run_events.seq <= old.last_seq
              RETURNING old.id, seq
            ), newest AS (SELECT id, max(seq) AS seq FROM gone GROUP BY id)
            UPDATE runs SET kept = 'whole_messages', removed_until = newest.seq
            FROM old LEFT JOIN newest ON newest.id = old.id
            WHERE runs.id = old.id
            RETURNING runs.id`)
        ).pipe(Effect.map(({ length }) => length))
      )

      const removeEvents = Effect.fn("RetentionRepository.removeEvents")((keptMillis: number, runs: number) =>
        execute(
          "RetentionRepository.removeEvents",
          runKeys(sql`
            WITH turn AS MATERIALIZED (${turn}), old AS MATERIALIZED (
              SELECT id, session_id, start_seq, last_seq FROM runs
              WHERE kept <> 'nothing' AND ended_at IS NOT NULL AND ended_at < ${age(keptMillis)}
                AND (SELECT mine FROM turn)
              ORDER BY ended_at LIMIT ${runs}
              FOR NO KEY UPDATE SKIP LOCKED
            ), gone AS (
              DELETE FROM run_events USING old
              WHERE run_events.session_id = old.session_id
                AND run_events.seq > old.start_seq AND run_events.seq <= old.last_seq
            )
            UPDATE runs SET kept = 'nothing', removed_until = old.last_seq FROM old WHERE runs.id = old.id
            RETURNING runs.id`)
        ).pipe(Effect.map(({ length }) => length))
      )

      const removeKeys = Effect.fn("RetentionRepository.removeKeys")((keptMillis: number, keys: number) =>
        execute(
          "RetentionRepository.removeKeys",
          sql`
            WITH turn AS MATERIALIZED (${turn}), old AS MATERIALIZED (
              SELECT tenant_id, key FROM idempotency_keys
              WHERE created_at < ${age(keptMillis)} AND (SELECT mine FROM turn)
              ORDER BY created_at LIMIT ${keys}
              FOR UPDATE SKIP LOCKED
            )
            DELETE FROM idempotency_keys AS known USING old
            WHERE known.tenant_id = old.tenant_id AND known.key = old.key
            RETURNING known.key`
        ).pipe(Effect.map(({ length }) => length))
      )

      const removeControls = Effect.fn("RetentionRepository.removeControls")((keptMillis: number, controls: number) =>
        execute(
          "RetentionRepository.removeControls",
          sql`
            WITH turn AS MATERIALIZED (${turn}), old AS MATERIALIZED (
              SELECT run_controls.id FROM run_controls JOIN runs ON runs.id = run_id
              WHERE run_controls.created_at < ${age(keptMillis)}
                AND (ended_at IS NOT NULL OR acknowledged_at IS NOT NULL AND kind <> 'change')
                AND (SELECT mine FROM turn)
              ORDER BY run_controls.created_at LIMIT ${controls}
              FOR UPDATE OF run_controls SKIP LOCKED
            )
            DELETE FROM run_controls USING old WHERE run_controls.id = old.id
            RETURNING run_controls.id`
        ).pipe(Effect.map(({ length }) => length))
      )

      const removeDeliveries = Effect.fn("RetentionRepository.removeDeliveries")(
        (keptMillis: number, deliveries: number) =>
          execute(
            "RetentionRepository.removeDeliveries",
            sql`
              WITH turn AS MATERIALIZED (${turn}), old AS MATERIALIZED (
                SELECT id FROM webhook_deliveries
                WHERE created_at < ${age(keptMillis)} AND (status <> 'pending' OR due_at = 'infinity')
                  AND (SELECT mine FROM turn)
                ORDER BY created_at LIMIT ${deliveries}
                FOR UPDATE SKIP LOCKED
              )
              DELETE FROM webhook_deliveries AS told USING old WHERE told.id = old.id
              RETURNING told.id`
          ).pipe(Effect.map(({ length }) => length))
      )

      const removedAfter = Effect.fn("RetentionRepository.removedAfter")((
        tenant: TenantId,
        session: SessionId,
        run: RunId | null,
        after: Sequence
      ) => {
        const one = run === null ? sql`true` : sql`id = ${run}`
        const its = run === null ? sql`true` : sql`run_id = ${run}`
        return execute(
          "RetentionRepository.removedAfter",
          removal(sql`
              SELECT bool_or(kept = 'nothing') AS whole, (
                SELECT min(seq) FROM run_events
                WHERE session_id = ${session} AND tenant_id = ${tenant} AND seq > ${after}::bigint AND ${its}
              ) AS first_kept
              FROM runs
              WHERE session_id = ${session} AND tenant_id = ${tenant} AND removed_until > ${after}::bigint AND ${one}
              HAVING count(*) > 0`)
        )
      })

      return RetentionRepository.of({
        removeDeltas,
        removeEvents,
        removeKeys,
        removeControls,
        removeDeliveries,
        removedAfter
      })
    })
  )
}
