import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { uuids } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

const SinceRead = Schema.Struct({ millis: Schema.Finite })

/** When runs that are not over were last read, on whichever instance. */
export class RunReaderRepository extends Context.Service<
  RunReaderRepository,
  {
    /** Notes that these runs, and all that are not over of these sessions, are being read now. */
    note(runs: ReadonlyArray<RunId>, sessions: ReadonlyArray<SessionId>): Effect.Effect<void, DatabaseFailure>
    /** Milliseconds since an instance noted a reader of the run, or it was stored; none when it is over. */
    sinceRead(run: RunId): Effect.Effect<Option.Option<number>, DatabaseFailure>
  }
>()("causeway/storage/RunReaderRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RunReaderRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const sinceReadRow = firstRow(SinceRead)

      const note = Effect.fn("RunReaderRepository.note")(
        (runs: ReadonlyArray<RunId>, sessions: ReadonlyArray<SessionId>) =>
          execute(
            "RunReaderRepository.note",
            // One that is locked is being noted by somebody else.
            sql`
              WITH noted AS MATERIALIZED (
                SELECT run_id FROM run_orders
                WHERE run_id = ANY(${uuids(runs)}) OR run_id IN (
                  SELECT id FROM runs
                  WHERE session_id = ANY(${uuids(sessions)}) AND status IN ('queued', 'running', 'waiting')
                )
                FOR NO KEY UPDATE SKIP LOCKED
              )
              UPDATE run_orders SET read_at = clock_timestamp() FROM noted WHERE run_orders.run_id = noted.run_id`
          ).pipe(Effect.asVoid)
      )

      const sinceRead = Effect.fn("RunReaderRepository.sinceRead")((run: RunId) =>
        execute(
          "RunReaderRepository.sinceRead",
          sinceReadRow(sql`
            SELECT extract(epoch FROM clock_timestamp() - read_at)::double precision * 1000 AS millis
            FROM run_orders WHERE run_id = ${run}`)
        ).pipe(Effect.map(Option.map(({ millis }) => millis)))
      )

      return RunReaderRepository.of({ note, sinceRead })
    })
  )
}
