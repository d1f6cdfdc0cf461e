import { Context, Data, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Restore } from "../domain/Checkpoint.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makePendingDone } from "./PendingDone.ts"
import { firstRow } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** A rewind, as it is asked for. */
export interface NewRewind {
  readonly id: string
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly checkpoint_id: RunId
  readonly restore: Restore
}

/** What became of a request to rewind. */
export type RewindStart =
  | { readonly _tag: "Started"; readonly cwd: string }
  | { readonly _tag: "Absent" }
  /** A run of this session, or of another one in the same directory, is live. */
  | { readonly _tag: "Busy"; readonly session_id: SessionId; readonly run_id: RunId }
  | { readonly _tag: "Rewinding"; readonly session_id: SessionId }

class Refused extends Data.TaggedError("Refused")<{ readonly outcome: RewindStart }> {}

const SessionPlace = Schema.Struct({ cwd: Schema.String })
const LiveRun = Schema.Struct({ session_id: SessionId, run_id: RunId })
const Going = Schema.Struct({ session_id: SessionId })
const Written = Schema.Struct({ seq: Sequence })

/** Rewinds in PostgreSQL: while one is open its session takes no run. */
export class RewindRepository extends Context.Service<
  RewindRepository,
  {
    begin(rewind: NewRewind, lifeMillis: number): Effect.Effect<RewindStart, DatabaseFailure>
    /**
     * Closes a rewind and tells it in the session's log; with the conversation, what came from the checkpoint on is
     * no part of it any more. False when its time was over.
     */
    finish(rewind: NewRewind, event: string): Effect.Effect<boolean, DatabaseFailure>
    /** Forgets a rewind that came to nothing. */
    abandon(rewind: NewRewind): Effect.Effect<void, DatabaseFailure>
    /** Whether a session's conversation was taken back at all. */
    isTakenBack(tenant: TenantId, session: SessionId): Effect.Effect<boolean, DatabaseFailure>
  }
>()("causeway/storage/RewindRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RewindRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const pendingDone = yield* makePendingDone
      const place = firstRow(SessionPlace)
      const liveRun = firstRow(LiveRun)
      const going = firstRow(Going)
      const written = firstRow(Written)

      const refuse = (outcome: RewindStart) => Effect.fail(new Refused({ outcome }))

      const open = Effect.fnUntraced(function* (rewind: NewRewind, lifeMillis: number) {
        const session = yield* place(sql`
          SELECT cwd FROM sessions WHERE id = ${rewind.session_id} AND tenant_id = ${rewind.tenant_id}
          FOR NO KEY UPDATE`)
        if (Option.isNone(session)) return yield* refuse({ _tag: "Absent" })
        const { cwd } = session.value
        const live = yield* liveRun(sql`
          SELECT runs.session_id, runs.id AS run_id FROM runs JOIN sessions ON sessions.id = runs.session_id
          WHERE runs.status IN ('queued', 'running', 'waiting') AND runs.tenant_id = ${rewind.tenant_id}
            AND sessions.cwd = ${cwd} LIMIT 1`)
        if (Option.isSome(live)) return yield* refuse({ _tag: "Busy", ...live.value })
        const other = yield* going(sql`
          SELECT session_id FROM session_rewinds JOIN sessions ON sessions.id = session_id
          WHERE session_rewinds.tenant_id = ${rewind.tenant_id} AND finished_at IS NULL
            AND expires_at > clock_timestamp() AND sessions.cwd = ${cwd} LIMIT 1`)
        if (Option.isSome(other)) return yield* refuse({ _tag: "Rewinding", ...other.value })
        yield* sql`
          INSERT INTO session_rewinds (id, tenant_id, session_id, checkpoint_id, restore, expires_at)
          VALUES (${rewind.id}::uuid, ${rewind.tenant_id}, ${rewind.session_id}, ${rewind.checkpoint_id},
            ${rewind.restore}, clock_timestamp() + ${lifeMillis} * interval '1 millisecond')`
        return { _tag: "Started", cwd } as const
      })

      const begin = Effect.fn("RewindRepository.begin")((rewind: NewRewind, lifeMillis: number) =>
        execute(
          "RewindRepository.begin",
          transaction(open(rewind, lifeMillis)).pipe(
            Effect.catchTag("Refused", ({ outcome }) => Effect.succeed(outcome))
          )
        )
      )

      const close = Effect.fnUntraced(function* (rewind: NewRewind, event: string) {
        yield* sql`SELECT id FROM sessions WHERE id = ${rewind.session_id} FOR NO KEY UPDATE`
        yield* pendingDone(rewind.session_id)
        const takesWords = rewind.restore !== "files"
        // The fence grows as with a run: a fork that was made before keeps what it took, one made later has it hidden.
        const done = yield* written(sql`
          WITH moved AS (
            UPDATE sessions SET last_seq = last_seq + 1, last_fence = last_fence + 1, updated_at = now()
            WHERE id = ${rewind.session_id} AND tenant_id = ${rewind.tenant_id}
              AND EXISTS (
                SELECT FROM session_rewinds
                WHERE id = ${rewind.id}::uuid AND finished_at IS NULL AND expires_at > clock_timestamp()
              )
            RETURNING id, last_seq, last_fence
          ), checkpoint AS (
            SELECT runs.start_seq, coalesce((
              SELECT max(before.fence) FROM runs AS before
              WHERE before.session_id = runs.session_id AND before.fence < runs.fence
            ), 0) + 1 AS fence
            FROM runs WHERE runs.id = ${rewind.checkpoint_id}
          ), closed AS (
            UPDATE session_rewinds SET finished_at = now(),
              from_fence = CASE WHEN ${takesWords} THEN checkpoint.fence END,
              at_fence = CASE WHEN ${takesWords} THEN moved.last_fence END,
              from_seq = CASE WHEN ${takesWords} THEN checkpoint.start_seq END,
              at_seq = CASE WHEN ${takesWords} THEN moved.last_seq END
            FROM moved, checkpoint WHERE session_rewinds.id = ${rewind.id}::uuid
          )
          INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
          SELECT moved.id, moved.last_seq, NULL, ${rewind.tenant_id}::uuid, 'checkpoint', ${event} FROM moved
          RETURNING seq`)
        return Option.isSome(done)
      })

      const finish = Effect.fn("RewindRepository.finish")((rewind: NewRewind, event: string) =>
        execute("RewindRepository.finish", transaction(close(rewind, event)))
      )

      const abandon = Effect.fn("RewindRepository.abandon")((rewind: NewRewind) =>
        execute(
          "RewindRepository.abandon",
          sql`
            DELETE FROM session_rewinds
            WHERE id = ${rewind.id}::uuid AND tenant_id = ${rewind.tenant_id} AND finished_at IS NULL`
        ).pipe(Effect.asVoid)
      )

      const isTakenBack = Effect.fn("RewindRepository.isTakenBack")((tenant: TenantId, session: SessionId) =>
        execute(
          "RewindRepository.isTakenBack",
          going(sql`
            SELECT session_id FROM session_rewinds
            WHERE session_id = ${session} AND tenant_id = ${tenant} AND from_fence IS NOT NULL LIMIT 1`)
        ).pipe(Effect.map(Option.isSome))
      )

      return RewindRepository.of({ begin, finish, abandon, isTakenBack })
    })
  )
}
