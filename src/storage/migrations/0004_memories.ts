import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Memories with their versions and their index of words, what is still to be learned from runs, and tenants' wishes. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // words, context and marks are what the index is made of, in the words of services/search; `memory` stands in where
  // there are none. conversation, said_at and turn tell which memories stood beside each other.
  yield* sql`
    CREATE TABLE memories (
      id uuid PRIMARY KEY,
      number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
      tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
      memory text NOT NULL,
      hash text NOT NULL,
      metadata json NOT NULL DEFAULT '{}',
      user_id text,
      agent_id text,
      session_id text,
      project_id text,
      words text,
      context text NOT NULL DEFAULT '',
      marks text[] NOT NULL DEFAULT '{}',
      length integer GENERATED ALWAYS AS (length(to_tsvector('pg_catalog.english', coalesce(words, memory)))) STORED,
      conversation text,
      said_at timestamptz NOT NULL DEFAULT '-infinity',
      turn integer NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      valid_from timestamptz NOT NULL DEFAULT now(),
      valid_to timestamptz,
      superseded_by uuid REFERENCES memories ON DELETE SET NULL
    )`
  // However many add the same at once: one of them is stored. Not NULLS NOT DISTINCT, which PostgreSQL 14 does not know.
  yield* sql`
    CREATE UNIQUE INDEX memories_once ON memories (tenant_id, hash, coalesce(user_id, ''), coalesce(agent_id, ''),
      coalesce(session_id, ''), coalesce(project_id, '')) WHERE valid_to IS NULL`
  yield* sql`CREATE INDEX memories_by_tenant ON memories (tenant_id, created_at DESC, id DESC)`
  yield* sql`
    CREATE INDEX memories_by_user ON memories (tenant_id, user_id, created_at DESC, id DESC) WHERE user_id IS NOT NULL`
  yield* sql`
    CREATE INDEX memories_by_agent ON memories (tenant_id, agent_id, created_at DESC, id DESC)
    WHERE agent_id IS NOT NULL`
  yield* sql`
    CREATE INDEX memories_by_session ON memories (tenant_id, session_id, created_at DESC, id DESC)
    WHERE session_id IS NOT NULL`
  yield* sql`
    CREATE INDEX memories_by_project ON memories (tenant_id, project_id, created_at DESC, id DESC)
    WHERE project_id IS NOT NULL`
  yield* sql`CREATE INDEX memories_valid ON memories (tenant_id) INCLUDE (length) WHERE valid_to IS NULL`
  yield* sql`
    CREATE INDEX memories_by_place ON memories (tenant_id, conversation, said_at, turn, number)
    WHERE conversation IS NOT NULL AND valid_to IS NULL`
  yield* sql`CREATE INDEX memories_superseding ON memories (superseded_by) WHERE superseded_by IS NOT NULL`

  // An inverted index as a table: it begins with the tenant, which a GIN index does only with an extension, it gives
  // each word's rarity by counting, and what BM25 adds up stands in the key, so that the rows are not read.
  yield* sql`
    CREATE TABLE memory_terms (
      tenant_id uuid NOT NULL,
      term text COLLATE "C" NOT NULL,
      memory bigint NOT NULL,
      in_text smallint NOT NULL,
      in_context smallint NOT NULL,
      length integer NOT NULL,
      PRIMARY KEY (tenant_id, term, memory) INCLUDE (in_text, in_context, length)
    )`
  yield* sql`
    CREATE FUNCTION memory_terms_of(words text, context text, marks text[])
    RETURNS TABLE (term text, in_text smallint, in_context smallint) LANGUAGE sql IMMUTABLE AS $$
      SELECT lexeme, least(sum(text), 999)::smallint, least(sum(context), 999)::smallint
      FROM (
        SELECT lexeme, cardinality(positions) AS text, 0 AS context
        FROM unnest(to_tsvector('pg_catalog.english', words))
        UNION ALL
        SELECT lexeme, 0, cardinality(positions) FROM unnest(to_tsvector('pg_catalog.english', context))
        UNION ALL
        SELECT mark, 0, 1 FROM unnest(marks) AS mark
      ) AS found
      GROUP BY lexeme ORDER BY lexeme
    $$`
  yield* sql`
    CREATE FUNCTION index_memory() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'INSERT' AND OLD.valid_to IS NULL THEN
        DELETE FROM memory_terms USING memory_terms_of(coalesce(OLD.words, OLD.memory), OLD.context, OLD.marks) AS gone
        WHERE memory_terms.tenant_id = OLD.tenant_id AND memory_terms.term = gone.term
          AND memory_terms.memory = OLD.number;
      END IF;
      IF TG_OP <> 'DELETE' AND NEW.valid_to IS NULL THEN
        INSERT INTO memory_terms (tenant_id, term, memory, in_text, in_context, length)
        SELECT NEW.tenant_id, term, NEW.number, in_text, in_context, NEW.length
        FROM memory_terms_of(coalesce(NEW.words, NEW.memory), NEW.context, NEW.marks)
        ON CONFLICT DO NOTHING;
      END IF;
      RETURN NULL;
    END
    $$`
  // A trigger, so that no way of writing can forget the index.
  yield* sql`
    CREATE TRIGGER memories_indexed
    AFTER INSERT OR DELETE OR UPDATE OF memory, words, context, marks, valid_to ON memories
    FOR EACH ROW EXECUTE FUNCTION index_memory()`

  // Of words that nobody wrote the similar ones are found by their trigrams, where the server has them.
  yield* sql.withTransaction(sql`CREATE EXTENSION IF NOT EXISTS pg_trgm`).pipe(
    Effect.andThen(
      sql.withTransaction(sql`
        CREATE INDEX memories_by_trigram ON memories USING gin ((coalesce(words, memory)) gin_trgm_ops)
        WHERE valid_to IS NULL`)
    ),
    Effect.catchTag("SqlError", (cause) =>
      Effect.logInfo("PostgreSQL has no pg_trgm: misspelt words will not be found", cause)
    )
  )

  yield* sql`
    CREATE TABLE memory_versions (
      id uuid PRIMARY KEY,
      tenant_id uuid NOT NULL,
      memory_id uuid NOT NULL REFERENCES memories ON DELETE CASCADE,
      event text NOT NULL CHECK (event IN ('added', 'updated', 'superseded', 'invalidated', 'restored')),
      actor_kind text NOT NULL CHECK (actor_kind IN ('api_key', 'run')),
      actor_id text NOT NULL,
      old_memory text,
      new_memory text,
      old_metadata json,
      new_metadata json,
      undone boolean NOT NULL DEFAULT false,
      created_at timestamptz NOT NULL DEFAULT now()
    )`
  yield* sql`CREATE INDEX memory_versions_by_memory ON memory_versions (memory_id, created_at DESC, id DESC)`

  // What is to be learned from runs that ended. done_seq is set aside for the run's last event, and
  // pending_done is that event as long as it is not written. withheld are texts that are no news: what was recalled for the run, and its system prompt.
  yield* sql`
    CREATE TABLE memory_jobs (
      run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
      tenant_id uuid NOT NULL,
      session_id uuid NOT NULL,
      scope json NOT NULL,
      withheld text[] NOT NULL,
      done_seq bigint NOT NULL,
      pending_done text,
      attempts integer NOT NULL DEFAULT 1,
      owner text NOT NULL,
      due_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 80)`
  yield* sql`CREATE INDEX memory_jobs_by_due ON memory_jobs (due_at)`
  yield* sql`CREATE INDEX memory_jobs_pending ON memory_jobs (session_id) WHERE pending_done IS NOT NULL`

  yield* sql`
    CREATE TABLE memory_settings (
      tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
      recall boolean,
      extract boolean,
      recall_limit integer,
      recall_tokens integer,
      updated_at timestamptz NOT NULL DEFAULT now()
    )`
})
