import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { SessionId } from "../domain/Session.ts"
import { LogRecord } from "./RunEventRepository.ts"
import { allRows } from "./Rows.ts"

/**
 * Makes the statement that writes the `done` of a session's latest run, if that still waits for what is learned from
 * the run; answers with it. The session's row is locked by the caller, so that whoever writes after it gets a later
 * number.
 */
export const makePendingDone = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const records = allRows(LogRecord)
  return (session: SessionId) =>
    records(sql`
      WITH due AS MATERIALIZED (
        SELECT run_id, tenant_id, session_id, done_seq, pending_done FROM memory_jobs
        WHERE session_id = ${session} AND pending_done IS NOT NULL
        FOR UPDATE
      ), cleared AS (
        UPDATE memory_jobs SET pending_done = NULL FROM due WHERE memory_jobs.run_id = due.run_id
      )
      INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
      SELECT session_id, done_seq, run_id, tenant_id, 'done', pending_done FROM due
      ON CONFLICT (session_id, seq) DO NOTHING
      RETURNING tenant_id, session_id, run_id, seq, event, data`)
})
