import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Tenants and keys, sessions and their runs, the log, transcripts, and what makes requests repeatable. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE tenants (
      id uuid PRIMARY KEY,
      name text NOT NULL UNIQUE,
      created_at timestamptz NOT NULL DEFAULT now()
    )`
  yield* sql`CREATE INDEX tenants_by_age ON tenants (created_at DESC, id DESC)`

  yield* sql`
    CREATE TABLE api_keys (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      key_hash text NOT NULL UNIQUE,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      revoked_at timestamptz
    )`
  yield* sql`CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at DESC, id DESC)`

  // last_seq and last_fence are those of the last run that ended; a live run's are in its own row until it ends.
  // So they are also where a fork begins, whether or not a run is going on.
  // JSON is json everywhere, not jsonb: that refuses \u0000 and lone surrogates, and changes what it is given.
  yield* sql`
    CREATE TABLE sessions (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'error')),
      mode text NOT NULL DEFAULT 'code' CHECK (mode IN ('brainstorm', 'code')),
      title text,
      model text,
      tags text[] NOT NULL DEFAULT '{}',
      metadata json NOT NULL DEFAULT '{}',
      cwd text NOT NULL,
      parent_session_id uuid REFERENCES sessions ON DELETE SET NULL,
      parent_fence bigint,
      last_seq bigint NOT NULL DEFAULT 0,
      last_fence bigint NOT NULL DEFAULT 0,
      total_turns integer NOT NULL DEFAULT 0,
      total_cost_usd double precision NOT NULL DEFAULT 0,
      cost_unknown boolean NOT NULL DEFAULT false,
      transcript_complete boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      last_message_at timestamptz
    ) WITH (fillfactor = 80)`
  yield* sql`CREATE INDEX sessions_by_tenant ON sessions (tenant_id, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX sessions_by_status ON sessions (tenant_id, status, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX sessions_by_mode ON sessions (tenant_id, mode, created_at DESC, id DESC)`
  yield* sql`CREATE INDEX sessions_by_tag ON sessions USING gin (tags)`
  yield* sql`CREATE INDEX sessions_by_parent ON sessions (parent_session_id) WHERE parent_session_id IS NOT NULL`

  // A fork's history: the events of other sessions up to where it left, oldest first. Those events stay as long as
  // a fork needs them, also when their session is gone; that is why run_events does not refer to sessions.
  yield* sql`
    CREATE TABLE session_ancestors (
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      position integer NOT NULL,
      ancestor_id uuid NOT NULL,
      until_seq bigint NOT NULL,
      PRIMARY KEY (session_id, position)
    )`
  yield* sql`CREATE INDEX session_ancestors_by_ancestor ON session_ancestors (ancestor_id, until_seq)`

  yield* sql`
    CREATE TABLE runs (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      status text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'interrupted', 'failed', 'lost')),
      model text,
      options json NOT NULL,
      prompt_preview text NOT NULL,
      api_key_hash text NOT NULL,
      request_id text NOT NULL,
      owner text,
      fence bigint NOT NULL,
      lease_expires_at timestamptz,
      start_seq bigint NOT NULL,
      last_seq bigint NOT NULL,
      num_turns integer,
      total_cost_usd double precision,
      cost_unknown boolean NOT NULL DEFAULT false,
      usage json,
      error json,
      created_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz
    ) WITH (fillfactor = 70)`
  // One live run a session: a second one is refused by the database itself, whichever instance asks.
  yield* sql`
    CREATE UNIQUE INDEX runs_live_by_session ON runs (session_id) WHERE status IN ('queued', 'running', 'waiting')`
  yield* sql`CREATE INDEX runs_by_session ON runs (session_id, start_seq)`
  // Without the lease's end, so that a renewal, every second for every run, leaves all indexes alone.
  yield* sql`CREATE INDEX runs_running ON runs (owner, id) WHERE status = 'running'`

  // data is the exact text that was sent, so that a replay is byte for byte the same.
  yield* sql`
    CREATE TABLE run_events (
      session_id uuid NOT NULL,
      seq bigint NOT NULL,
      run_id uuid NOT NULL,
      tenant_id uuid NOT NULL,
      event text NOT NULL,
      data text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (session_id, seq)
    )`

  // The fence tells which run wrote an entry: a fork takes those of the runs before it.
  yield* sql`
    CREATE TABLE transcript_entries (
      session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
      subpath text NOT NULL,
      position bigint GENERATED ALWAYS AS IDENTITY,
      tenant_id uuid NOT NULL,
      fence bigint NOT NULL,
      uuid text,
      entry json NOT NULL,
      PRIMARY KEY (session_id, subpath, position)
    )`
  yield* sql`
    CREATE UNIQUE INDEX transcript_entries_by_uuid ON transcript_entries (session_id, subpath, uuid)
    WHERE uuid IS NOT NULL`

  yield* sql`
    CREATE TABLE run_controls (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL,
      run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('interrupt')),
      created_at timestamptz NOT NULL DEFAULT now(),
      acknowledged_at timestamptz
    )`
  yield* sql`CREATE INDEX run_controls_open ON run_controls (run_id) WHERE acknowledged_at IS NULL`

  yield* sql`
    CREATE TABLE idempotency_keys (
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      key text NOT NULL,
      body_hash text NOT NULL,
      -- Written first, so that requests with the same key take turns before they touch anything else.
      run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, key)
    )`
  yield* sql`CREATE INDEX idempotency_keys_by_run ON idempotency_keys (run_id)`
  yield* sql`CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)`
})
