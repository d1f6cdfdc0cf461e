import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What is still there of the events of runs that ended, and how to find those of which something is to go. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // removed_until is the number of the last event that was removed: who has seen it misses nothing.
  yield* sql`
    ALTER TABLE runs
      ADD COLUMN kept text NOT NULL DEFAULT 'all' CHECK (kept IN ('all', 'whole_messages', 'nothing')),
      ADD COLUMN removed_until bigint`
  yield* sql`CREATE INDEX runs_with_deltas ON runs (ended_at) WHERE kept = 'all' AND ended_at IS NOT NULL`
  yield* sql`CREATE INDEX runs_with_events ON runs (ended_at) WHERE kept <> 'nothing' AND ended_at IS NOT NULL`
})
