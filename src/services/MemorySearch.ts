import { Clock, DateTime, Effect } from "effect"
import { type FoundMemory, scopeOf } from "../domain/Memory.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { Embedder } from "../outbound/Embedder.ts"
import { MemoryEmbeddingRepository } from "../storage/MemoryEmbeddingRepository.ts"
import { type IndexTotals, MemoryIndexRepository } from "../storage/MemoryIndexRepository.ts"
import type { SearchScope } from "../storage/MemoryScopes.ts"
import { reportFailure } from "./FailureReport.ts"
import { aspectsOf } from "./search/Question.ts"
import { fuse, splitTerms, type Ranked, Ranking, weigh } from "./search/Ranking.ts"

/** Memories that are looked at closely. */
const looked = 150

/** Memories whose neighbours are looked at. */
const lookedAround = 30

/** With fewer memories than this found by words, similar words are looked for. */
const tooFew = 5

/** Words that may be written wrongly. */
const spelt = /^\p{L}{4,}$/u

/** How much the order by similar words counts beside the order by words. */
const similarWeight = 0.5

/** Memories that are taken by meaning, and how near they must be beside the nearest. */
const lookedNear = 50
const leastNear = 0.75

/** How long the number of a tenant's memories is known, in milliseconds, and from how many on it is kept at all. */
const totalsLife = 30_000
const totalsKeptFrom = 2000

/** What a search found, best first, and how many more it would have if their rows could be read. */
export interface SearchResults {
  readonly found: ReadonlyArray<FoundMemory>
  readonly unreadable: number
}

/** Finds memories: by the words of a question and how rare they are, by what was said beside them, and by similar words. */
export const makeMemorySearch = Effect.gen(function* () {
  const index = yield* MemoryIndexRepository
  const embeddings = yield* MemoryEmbeddingRepository
  const embedder = yield* Embedder
  const known = new Map<TenantId, { readonly until: number; readonly totals: IndexTotals }>()

  const totalsOf = Effect.fnUntraced(function* (tenant: TenantId) {
    const now = yield* Clock.currentTimeMillis
    const kept = known.get(tenant)
    if (kept !== undefined && kept.until > now) return kept.totals
    const totals = yield* index.totals(tenant)
    known.delete(tenant)
    if (totals.memories >= totalsKeptFrom) known.set(tenant, { until: now + totalsLife, totals })
    return totals
  })

  /** What means the same in other words, where there is an embedder. It is only waited for within its limit. */
  const near = Effect.fnUntraced(function* (where: SearchScope, question: string) {
    if (embedder === null) return []
    const embedded = yield* embedder
      .embed([question], embedder.questionLimit)
      .pipe(Effect.catch((failure) => Effect.as(reportFailure(failure, { tenant_id: where.tenant }), [])))
    const [embedding] = embedded
    if (embedding === undefined) return []
    const found = yield* embeddings.nearest(where, embedder.model, embedding, lookedNear)
    const [best] = found
    const least = best === undefined ? 0 : best.similarity * leastNear
    return found.flatMap(({ number, similarity }): ReadonlyArray<Ranked> =>
      similarity > 0 && similarity >= least ? [{ number, score: similarity }] : []
    )
  })

  const rankWords = Effect.fnUntraced(function* (where: SearchScope, question: string) {
    const { tenant } = where
    const totals = yield* totalsOf(tenant)
    const aspects = aspectsOf(question, new Date(yield* Clock.currentTimeMillis))
    if (totals.memories === 0 || aspects.length === 0) return []
    const words = aspects.flat()
    const found = yield* index.analyse(tenant, words)
    const terms = weigh(aspects, found, totals)
    const ranking = new Ranking(terms, aspects.length, totals)
    if (terms.length > 0) {
      const names = terms.map(({ term }) => term)
      const { leading, others } = splitTerms(terms)
      ranking.add(yield* index.candidates(where, leading, others, totals.length, looked))
      const around = ranking.alone.slice(0, lookedAround).map(({ number }) => number)
      ranking.addNeighbours(yield* index.neighbours(tenant, around, names))
    }
    const together = ranking.together
    const unknown = found.flatMap(({ memories, own, word }) =>
      own && memories === 0 && words[word]?.original === true ? [words[word].text] : []
    )
    const misspelt = (
      unknown.length > 0 ? unknown : words.filter(({ original }) => original).map(({ text }) => text)
    ).filter((text) => spelt.test(text))
    if (together.length >= tooFew && unknown.length === 0) return shareOf(together, ranking.ideal)
    const similar = (yield* index.similar(where, misspelt, lookedAround)).map(({ number, similarity }): Ranked => ({
      number,
      score: similarity
    }))
    if (similar.length === 0) return shareOf(together, ranking.ideal)
    return together.length === 0
      ? similar
      : fuse([
          { list: together, weight: 1 },
          { list: similar, weight: similarWeight }
        ])
  })

  const rank = Effect.fnUntraced(function* (where: SearchScope, question: string) {
    const [words, meanings] = yield* Effect.all([rankWords(where, question), near(where, question)], { concurrency: 2 })
    if (meanings.length === 0) return words
    return fuse([
      { list: words, weight: 1 },
      { list: meanings, weight: 1 }
    ])
  })

  return Effect.fn("MemorySearch.search")(function* (
    where: SearchScope,
    question: string,
    limit: number
  ): Effect.fn.Return<SearchResults, DatabaseFailure> {
    const ranked = (yield* rank(where, question)).slice(0, limit)
    if (ranked.length === 0) return { found: [], unreadable: 0 }
    const { rows, unreadable } = yield* index.read(
      where.tenant,
      ranked.map(({ number }) => number)
    )
    const byNumber = new Map(rows.map((row) => [row.number, row]))
    const found = ranked.flatMap(({ number, score }): ReadonlyArray<FoundMemory> => {
      const row = byNumber.get(number)
      if (row === undefined) return []
      const { created_at, id, memory, metadata } = row
      return [
        {
          id,
          memory,
          metadata,
          score: Math.min(1, score),
          scope: scopeOf(row),
          created_at: DateTime.formatIso(created_at)
        }
      ]
    })
    return { found, unreadable }
  })
})

const shareOf = (ranked: ReadonlyArray<Ranked>, ideal: number): ReadonlyArray<Ranked> =>
  ranked.map(({ number, score }) => ({ number, score: ideal === 0 ? 0 : score / ideal }))
