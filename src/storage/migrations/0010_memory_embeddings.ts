import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What memories mean, as an embedder sees it; see MemoryEmbeddingRepository. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Arrays, whatever the model's size: pgvector's own type wants one size for a column, and is not everywhere.
  yield* sql`
    ALTER TABLE memories
      ADD COLUMN embedded_by text,
      ADD COLUMN embedding real[],
      ADD COLUMN signs bit varying,
      ADD COLUMN embedding_due timestamptz NOT NULL DEFAULT '-infinity'`
  yield* sql`
    CREATE INDEX memories_unembedded ON memories (embedding_due) WHERE embedded_by IS NULL AND valid_to IS NULL`
  yield* sql`CREATE INDEX memories_by_embedder ON memories (embedded_by) WHERE embedded_by IS NOT NULL`

  yield* sql
    .withTransaction(sql`CREATE EXTENSION IF NOT EXISTS vector`)
    .pipe(
      Effect.catchTag("SqlError", (cause) =>
        Effect.logDebug("PostgreSQL has no pgvector: embeddings are compared without it", cause)
      )
    )
})
