import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, type Statement } from "effect/sql"
import { MemoryId, MemoryMetadata } from "../domain/Memory.ts"
import { Moment } from "../domain/Moment.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { inSearch, isWhole, type SearchScope } from "./MemoryScopes.ts"
import { flags, integers, reals, storable, texts } from "./Parameters.ts"
import { allRows, firstRow, readableRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** A word or a mark that is looked for. */
export interface AskedWord {
  readonly text: string
  readonly kind: "word" | "mark"
  /** Whether terms that begin alike are wanted too. */
  readonly original: boolean
}

/** A term of the index that one of the asked words means. */
export const FoundTerm = Schema.Struct({
  /** Which of the asked words. */
  word: Schema.Int,
  term: Schema.String,
  /** Whether it is the word's own stem, and not only one that begins alike. */
  own: Schema.Boolean,
  /** In how many memories it stands; no more than `mostCounted` are counted. */
  memories: Schema.Int
})
export type FoundTerm = typeof FoundTerm.Type

/** A term and its place in the list of those that are looked for. */
export interface PlacedTerm {
  readonly place: number
  readonly term: string
}

/** A term with what its presence is worth. */
export interface WeightedTerm extends PlacedTerm {
  readonly weight: number
}

/** Which of the terms stand in a memory: the term's place in the list, how often in the text and beside it. */
const Hits = Schema.Array(Schema.Tuple([Schema.Int, Schema.Int, Schema.Int]))

/** A memory that may be wanted. */
export const Candidate = Schema.Struct({ number: Schema.Int, length: Schema.Int, hits: Schema.NullOr(Hits) })
export type Candidate = typeof Candidate.Type

/** A memory that stood near another one; `distance` is negative for what came before. */
export const Neighbour = Schema.Struct({ ...Candidate.fields, of: Schema.Int, distance: Schema.Int })
export type Neighbour = typeof Neighbour.Type

/** How much there is to search. */
export const IndexTotals = Schema.Struct({ memories: Schema.Int, length: Schema.Finite })
export type IndexTotals = typeof IndexTotals.Type

/** How alike a memory's words are to something, from 0 to 1. */
export const SimilarRow = Schema.Struct({ number: Schema.Int, similarity: Schema.Finite })

/** A found memory as it is shown. */
export const FoundRow = Schema.Struct({
  number: Schema.Int,
  id: MemoryId,
  memory: Schema.String,
  metadata: MemoryMetadata,
  user_id: Schema.NullOr(Schema.String),
  agent_id: Schema.NullOr(Schema.String),
  session_id: Schema.NullOr(Schema.String),
  project_id: Schema.NullOr(Schema.String),
  created_at: Moment
})
export type FoundRow = typeof FoundRow.Type

/** Beyond this a term is simply frequent. */
export const mostCounted = 5000

/** How alike a word must be to the asked one, by trigrams. */
const leastSimilar = 0.45

const Presence = Schema.Struct({ present: Schema.Boolean })

/** The index of words over the memories that hold. Every method sees one tenant's only. */
export class MemoryIndexRepository extends Context.Service<
  MemoryIndexRepository,
  {
    readonly totals: (tenant: TenantId) => Effect.Effect<IndexTotals, DatabaseFailure>
    /** The index's terms for words as people write them. */
    readonly analyse: (
      tenant: TenantId,
      words: ReadonlyArray<AskedWord>
    ) => Effect.Effect<ReadonlyArray<FoundTerm>, DatabaseFailure>
    /**
     * The memories that fit `leading` best by BM25, and which of these and of `others` they have.
     * `length` is the mean of all, as `totals` knows it.
     */
    readonly candidates: (
      where: SearchScope,
      leading: ReadonlyArray<WeightedTerm>,
      others: ReadonlyArray<PlacedTerm>,
      length: number,
      limit: number
    ) => Effect.Effect<ReadonlyArray<Candidate>, DatabaseFailure>
    /** What was said right before and after memories, and which of `terms` it has. */
    readonly neighbours: (
      tenant: TenantId,
      of: ReadonlyArray<number>,
      terms: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<Neighbour>, DatabaseFailure>
    /** Memories with words like these, by their trigrams; none where the server has no trigrams. */
    readonly similar: (
      where: SearchScope,
      words: ReadonlyArray<string>,
      limit: number
    ) => Effect.Effect<ReadonlyArray<typeof SimilarRow.Type>, DatabaseFailure>
    /** The memories themselves; those that do not decode are left out and counted. */
    readonly read: (
      tenant: TenantId,
      found: ReadonlyArray<number>
    ) => Effect.Effect<{ readonly rows: ReadonlyArray<FoundRow>; readonly unreadable: number }, DatabaseFailure>
  }
>()("causeway/storage/MemoryIndexRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    MemoryIndexRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const totals = allRows(IndexTotals)
      const foundTerms = allRows(FoundTerm)
      const candidates = allRows(Candidate)
      const neighbours = allRows(Neighbour)
      const similarRows = allRows(SimilarRow)
      const presence = firstRow(Presence)
      const readable = readableRows("memories", FoundRow)
      let hasTrigrams: boolean | undefined

      // Each look-up stands in a subquery that cannot be merged: by guesses about arrays the planner would read all terms.
      const hitsOf = (tenant: TenantId, terms: ReadonlyArray<string>, memory: Statement.Fragment) => sql`(
        SELECT json_agg(json_build_array(asked.place - 1, found.in_text, found.in_context))
        FROM unnest(${texts(terms)}) WITH ORDINALITY AS asked (term, place)
        CROSS JOIN LATERAL (
          SELECT in_text, in_context FROM memory_terms
          WHERE tenant_id = ${tenant} AND term = asked.term AND memory = ${memory} LIMIT 1
        ) AS found
      )`

      const best = (where: SearchScope, limit: number): Statement.Fragment =>
        isWhole(where)
          ? sql`SELECT memory AS number, length FROM hit ORDER BY score DESC, memory LIMIT ${limit}`
          : sql`
              SELECT number, hit.length FROM hit JOIN memories ON number = hit.memory WHERE ${inSearch(sql, where)}
              ORDER BY score DESC, number LIMIT ${limit}`

      return MemoryIndexRepository.of({
        totals: Effect.fn("MemoryIndexRepository.totals")((tenant) =>
          execute(
            "MemoryIndexRepository.totals",
            totals(sql`
              SELECT count(*)::int AS memories, coalesce(avg(length), 1)::float8 AS length
              FROM memories WHERE tenant_id = ${tenant} AND valid_to IS NULL`)
          ).pipe(Effect.map(([row]) => row ?? { memories: 0, length: 1 }))
        ),

        analyse: Effect.fn("MemoryIndexRepository.analyse")((tenant, words) =>
          execute(
            "MemoryIndexRepository.analyse",
            foundTerms(sql`
              WITH RECURSIVE asked AS MATERIALIZED (
                SELECT place::int - 1 AS word, original, term
                FROM unnest(${texts(words.map(({ text }) => storable(text)))}, ${texts(words.map(({ kind }) => kind))},
                    ${flags(words.map(({ original }) => original))})
                  WITH ORDINALITY AS word (text, kind, original, place)
                CROSS JOIN LATERAL (
                  SELECT lexeme AS term FROM unnest(to_tsvector('pg_catalog.english', text)) WHERE kind = 'word'
                  UNION ALL
                  SELECT text WHERE kind = 'mark'
                ) AS meant
              ), wanted AS (
                SELECT word, term, left(term, greatest(5, ceil(length(term) * 0.7)::int)) COLLATE "C" AS prefix
                FROM asked WHERE original AND length(term) >= 5
              ), alike AS (
                SELECT word, prefix, wanted.term AS own, 1 AS step, (
                  SELECT term FROM memory_terms
                  WHERE tenant_id = ${tenant} AND term >= prefix AND term < prefix || '~' ORDER BY term LIMIT 1
                ) AS term
                FROM wanted
                UNION ALL
                SELECT word, prefix, own, step + 1, (
                  SELECT next.term FROM memory_terms next
                  WHERE next.tenant_id = ${tenant} AND next.term > alike.term AND next.term < prefix || '~'
                  ORDER BY next.term LIMIT 1
                )
                FROM alike WHERE alike.term IS NOT NULL AND step < 10
              ), meant AS (
                SELECT word, term, true AS own FROM asked
                UNION ALL
                SELECT word, term, false FROM alike WHERE term IS NOT NULL AND term <> own
              )
              SELECT word, term, own, (
                SELECT count(*)::int FROM (
                  SELECT FROM memory_terms
                  WHERE tenant_id = ${tenant} AND memory_terms.term = meant.term LIMIT ${mostCounted}
                ) AS counted
              ) AS memories
              FROM meant`)
          )
        ),

        candidates: Effect.fn("MemoryIndexRepository.candidates")((where, leading, others, length, limit) =>
          execute(
            "MemoryIndexRepository.candidates",
            candidates(sql`
              WITH posting AS MATERIALIZED (
                SELECT place, memory, in_text, in_context, found.length,
                  weight * (in_text + 0.6 * in_context)
                    / (in_text + 0.6 * in_context + 0.3 + 0.9 * found.length / ${length}::float8) AS score
                FROM unnest(${integers(leading.map(({ place }) => place))}, ${texts(leading.map(({ term }) => term))},
                    ${reals(leading.map(({ weight }) => weight))}) AS asked (place, term, weight)
                CROSS JOIN LATERAL (
                  SELECT memory, in_text, in_context, length FROM memory_terms
                  WHERE tenant_id = ${where.tenant} AND memory_terms.term = asked.term
                  ORDER BY memory_terms.memory DESC LIMIT ${mostCounted}
                ) AS found
              ), hit AS MATERIALIZED (
                SELECT memory, min(length) AS length, sum(score) AS score FROM posting GROUP BY memory
              ), best AS MATERIALIZED (${best(where, limit)})
              SELECT number, best.length, json_agg(json_build_array(place, in_text, in_context)) AS hits
              FROM best JOIN (
                SELECT memory, place, in_text, in_context FROM posting
                UNION ALL
                SELECT number, place, in_text, in_context FROM best
                CROSS JOIN unnest(${integers(others.map(({ place }) => place))}, ${texts(others.map(({ term }) => term))})
                  AS asked (place, term)
                CROSS JOIN LATERAL (
                  SELECT in_text, in_context FROM memory_terms
                  WHERE tenant_id = ${where.tenant} AND term = asked.term AND memory = best.number LIMIT 1
                ) AS found
              ) AS found ON found.memory = best.number
              GROUP BY number, best.length`)
          )
        ),

        neighbours: Effect.fn("MemoryIndexRepository.neighbours")((tenant, of, terms) =>
          execute(
            "MemoryIndexRepository.neighbours",
            neighbours(sql`
              WITH near AS MATERIALIZED (
                SELECT base.number AS of, beside.number, beside.length, beside.distance
                FROM memories base CROSS JOIN LATERAL (
                  (SELECT number, length, (- row_number() OVER ())::int AS distance FROM (
                    SELECT number, length FROM memories earlier
                    WHERE earlier.tenant_id = ${tenant} AND earlier.conversation = base.conversation
                      AND earlier.valid_to IS NULL
                      AND (earlier.said_at, earlier.turn, earlier.number) < (base.said_at, base.turn, base.number)
                    ORDER BY said_at DESC, turn DESC, number DESC LIMIT 2
                  ) AS before)
                  UNION ALL
                  (SELECT number, length, (row_number() OVER ())::int FROM (
                    SELECT number, length FROM memories later
                    WHERE later.tenant_id = ${tenant} AND later.conversation = base.conversation
                      AND later.valid_to IS NULL
                      AND (later.said_at, later.turn, later.number) > (base.said_at, base.turn, base.number)
                    ORDER BY said_at, turn, number LIMIT 2
                  ) AS after)
                ) AS beside
                WHERE base.tenant_id = ${tenant} AND base.number = ANY (${integers(of)})
                  AND base.conversation IS NOT NULL
              )
              SELECT of, number, length, distance, ${hitsOf(tenant, terms, sql`near.number`)} AS hits FROM near`)
          )
        ),

        similar: Effect.fn("MemoryIndexRepository.similar")(function* (where, words, limit) {
          if (hasTrigrams === undefined) {
            const found = yield* execute(
              "MemoryIndexRepository.similar",
              presence(sql`SELECT to_regclass('memories_by_trigram') IS NOT NULL AS present`)
            )
            hasTrigrams = found._tag === "Some" && found.value.present
          }
          if (!hasTrigrams || words.length === 0) return []
          return yield* execute(
            "MemoryIndexRepository.similar",
            transaction(
              Effect.andThen(
                sql`SELECT set_config('pg_trgm.word_similarity_threshold', ${String(leastSimilar)}, true)`,
                similarRows(sql`
                  SELECT number, max(word_similarity(asked, coalesce(words, memory)))::float8 AS similarity
                  FROM unnest(${texts(words)}) AS asked
                  JOIN memories ON asked <% coalesce(words, memory)
                  WHERE ${inSearch(sql, where)}
                  GROUP BY number ORDER BY similarity DESC, number LIMIT ${limit}`)
              )
            )
          )
        }),

        read: Effect.fn("MemoryIndexRepository.read")((tenant, found) =>
          execute(
            "MemoryIndexRepository.read",
            Effect.flatMap(
              sql`
                SELECT number, id, memory, metadata, user_id, agent_id, session_id, project_id, created_at FROM memories
                WHERE tenant_id = ${tenant} AND number = ANY (${integers(found)})`,
              (stored) => Effect.map(readable(stored), (rows) => ({ rows, unreadable: stored.length - rows.length }))
            )
          )
        )
      })
    })
  )
}
