import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Workspaces as they were at user messages, and how sessions were taken back to them. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Contents by their hash, so that what did not change between two messages is there once.
  yield* sql`
    CREATE TABLE checkpoint_parts (
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      hash text NOT NULL,
      tenant_id uuid NOT NULL,
      data bytea NOT NULL,
      PRIMARY KEY (session_id, hash)
    )`

  yield* sql`
    CREATE TABLE checkpoints (
      run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      tenant_id uuid NOT NULL,
      -- The parts of the list of what there was, as JSON.
      manifest text[] NOT NULL,
      files integer NOT NULL,
      bytes bigint NOT NULL,
      -- What it added to checkpoint_parts.
      stored_bytes bigint NOT NULL,
      files_modified text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`
  yield* sql`CREATE INDEX checkpoints_by_session ON checkpoints (session_id, created_at)`

  // One that is not finished keeps runs from starting, for a time: its instance may be dead. With the conversation it
  // takes what runs with a fence from from_fence up to before at_fence said, whose events are between the two numbers.
  // It does not refer to the session: events stay as long as a fork needs them, and so does what is hidden of them.
  yield* sql`
    CREATE TABLE session_rewinds (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      session_id uuid NOT NULL,
      checkpoint_id uuid NOT NULL,
      restore text NOT NULL CHECK (restore IN ('files', 'conversation', 'both')),
      from_fence bigint,
      at_fence bigint,
      from_seq bigint,
      at_seq bigint,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz
    )`
  yield* sql`CREATE INDEX session_rewinds_by_session ON session_rewinds (session_id)`

  // A rewind is told by an event that belongs to no run.
  yield* sql`ALTER TABLE run_events ALTER COLUMN run_id DROP NOT NULL`
})
