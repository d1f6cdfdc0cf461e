import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Runs that wait for their session, or for an instance that goes on with them. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Of one session any number may be queued and one be at work: a second one is refused by the database itself.
  yield* sql`ALTER TABLE runs ADD COLUMN queued_at timestamptz`
  yield* sql`DROP INDEX runs_live_by_session`
  yield* sql`CREATE UNIQUE INDEX runs_at_work_by_session ON runs (session_id) WHERE status IN ('running', 'waiting')`
  yield* sql`
    CREATE INDEX runs_live_by_session ON runs (session_id, queued_at) WHERE status IN ('queued', 'running', 'waiting')`

  // What statements must know of an order; the rest is sealed. read_at is when an instance last had a reader on the run.
  yield* sql`
    ALTER TABLE run_orders
      ADD COLUMN on_disconnect text NOT NULL DEFAULT 'cancel' CHECK (on_disconnect IN ('cancel', 'continue')),
      ADD COLUMN on_crash text NOT NULL DEFAULT 'end' CHECK (on_crash IN ('end', 'resume')),
      ADD COLUMN losses integer NOT NULL DEFAULT 0,
      ADD COLUMN read_at timestamptz NOT NULL DEFAULT clock_timestamp()`
})
