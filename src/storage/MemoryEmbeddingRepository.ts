import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { inSearch, type SearchScope } from "./MemoryScopes.ts"
import { integers, reals, texts } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"

/** A memory that lacks its embedding. `hash` tells whether its text is still the one that was embedded. */
export const UnembeddedMemory = Schema.Struct({ number: Schema.Int, memory: Schema.String, hash: Schema.String })
export type UnembeddedMemory = typeof UnembeddedMemory.Type

/** An embedding that was made. */
export interface EmbeddedMemory {
  readonly number: number
  readonly hash: string
  readonly embedding: ReadonlyArray<number>
}

/** How near a memory is to what is looked for: the cosine, 1 for the same direction. */
export const NearMemory = Schema.Struct({ number: Schema.Int, similarity: Schema.Finite })
export type NearMemory = typeof NearMemory.Type

const MemoryNumber = Schema.Struct({ number: Schema.Int })
const Presence = Schema.Struct({ present: Schema.Boolean })

/** Without pgvector: of how many memories the exact cosine is taken, after the signs alone have been compared. */
const comparedExactly = 200

const signsOf = (embedding: ReadonlyArray<number>): string => embedding.map((part) => (part > 0 ? "1" : "0")).join("")

/** The embeddings of memories, and what is near to one. */
export class MemoryEmbeddingRepository extends Context.Service<
  MemoryEmbeddingRepository,
  {
    /** Takes memories of any tenant that lack an embedding, for `lease_ms`: so long nobody else takes them. */
    claim(limit: number, lease_ms: number): Effect.Effect<ReadonlyArray<UnembeddedMemory>, DatabaseFailure>
    /** Stores embeddings of texts that have not been changed meanwhile. */
    save(model: string, embedded: ReadonlyArray<EmbeddedMemory>): Effect.Effect<void, DatabaseFailure>
    /** Leaves a memory without an embedding for so long. */
    postpone(number: number, delay_ms: number): Effect.Effect<void, DatabaseFailure>
    /** Forgets some embeddings of other models; answers how many, 0 when there are none left. */
    forgetOthers(model: string, limit: number): Effect.Effect<number, DatabaseFailure>
    /** The memories nearest to an embedding, nearest first. */
    nearest(
      where: SearchScope,
      model: string,
      embedding: ReadonlyArray<number>,
      limit: number
    ): Effect.Effect<ReadonlyArray<NearMemory>, DatabaseFailure>
  }
>()("causeway/storage/MemoryEmbeddingRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    MemoryEmbeddingRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const unembedded = allRows(UnembeddedMemory)
      const near = allRows(NearMemory)
      const numbers = allRows(MemoryNumber)
      const presence = firstRow(Presence)
      let hasVectors: boolean | undefined

      const known = (where: SearchScope, model: string, parts: number) => sql`
        SELECT number, embedding, signs FROM memories
        WHERE ${inSearch(sql, where)} AND embedded_by = ${model} AND cardinality(embedding) = ${parts}`

      return MemoryEmbeddingRepository.of({
        claim: Effect.fn("MemoryEmbeddingRepository.claim")((limit, lease_ms) =>
          execute(
            "MemoryEmbeddingRepository.claim",
            unembedded(sql`
              UPDATE memories SET embedding_due = clock_timestamp() + ${lease_ms} * interval '1 millisecond'
              WHERE number IN (
                SELECT number FROM memories
                WHERE embedded_by IS NULL AND valid_to IS NULL AND embedding_due <= clock_timestamp()
                ORDER BY embedding_due LIMIT ${limit} FOR UPDATE SKIP LOCKED
              )
              RETURNING number, memory, hash`)
          )
        ),

        save: Effect.fn("MemoryEmbeddingRepository.save")((model, embedded) =>
          execute(
            "MemoryEmbeddingRepository.save",
            sql`
              UPDATE memories SET embedded_by = ${model}, embedding = made.embedding::real[], signs = made.signs::varbit
              FROM unnest(${integers(embedded.map(({ number }) => number))}, ${texts(embedded.map(({ hash }) => hash))},
                  ${texts(embedded.map(({ embedding }) => `{${embedding.join(",")}}`))},
                  ${texts(embedded.map(({ embedding }) => signsOf(embedding)))}) AS made (number, hash, embedding, signs)
              WHERE memories.number = made.number AND memories.hash = made.hash`
          ).pipe(Effect.asVoid)
        ),

        postpone: Effect.fn("MemoryEmbeddingRepository.postpone")((number, delay_ms) =>
          execute(
            "MemoryEmbeddingRepository.postpone",
            sql`
              UPDATE memories SET embedding_due = clock_timestamp() + ${delay_ms} * interval '1 millisecond'
              WHERE number = ${number}`
          ).pipe(Effect.asVoid)
        ),

        forgetOthers: Effect.fn("MemoryEmbeddingRepository.forgetOthers")((model, limit) =>
          execute(
            "MemoryEmbeddingRepository.forgetOthers",
            numbers(sql`
              UPDATE memories SET embedded_by = NULL, embedding = NULL, signs = NULL, embedding_due = '-infinity'
              WHERE number = ANY (ARRAY(
                SELECT number FROM memories
                WHERE embedded_by < ${model} OR embedded_by > ${model} LIMIT ${limit} FOR UPDATE SKIP LOCKED
              ))
              RETURNING number`)
          ).pipe(Effect.map(({ length }) => length))
        ),

        nearest: Effect.fn("MemoryEmbeddingRepository.nearest")(function* (where, model, embedding, limit) {
          if (hasVectors === undefined) {
            const found = yield* execute(
              "MemoryEmbeddingRepository.nearest",
              presence(sql`SELECT to_regtype('vector') IS NOT NULL AS present`)
            )
            hasVectors = found._tag === "Some" && found.value.present
          }
          const looked = reals(embedding)
          const all = known(where, model, embedding.length)
          return yield* execute(
            "MemoryEmbeddingRepository.nearest",
            near(
              hasVectors
                ? sql`
                    SELECT number, (1 - (embedding::vector <=> ${looked}::real[]::vector))::float8 AS similarity
                    FROM (${all}) AS known ORDER BY similarity DESC, number LIMIT ${limit}`
                : sql`
                    SELECT number, (
                      SELECT sum(one * other) FROM unnest(embedding, ${looked}::real[]) AS pair (one, other)
                    )::float8 AS similarity
                    FROM (
                      SELECT * FROM (${all}) AS known
                      ORDER BY bit_count(signs # ${signsOf(embedding)}::varbit), number LIMIT ${comparedExactly}
                    ) AS known
                    ORDER BY similarity DESC, number LIMIT ${limit}`
            )
          )
        })
      })
    })
  )
}
