import {
  type PlacedTerm,
  type WeightedTerm,
  type Candidate,
  type FoundTerm,
  type IndexTotals,
  mostCounted,
  type Neighbour
} from "../../storage/MemoryIndexRepository.ts"
import type { Aspect } from "./Question.ts"
import { timeMark } from "./TextIndex.ts"

/** How far a neighbour's fit counts for a memory: what was said right before it, and right after. */
const nearness: Readonly<Record<number, number>> = { [-2]: 0.2, [-1]: 0.45, [1]: 0.35, [2]: 0.15 }

/** How much a word that only begins like the asked one counts, at most. */
const alikeWeight = 0.6

/** How alike two terms must begin to be taken for one word. */
const leastAlike = 0.6

/** How much what stands beside a text, such as its speaker, counts against the text. */
const contextWeight = 0.6

/** How much it counts that a text speaks of time when the question asks for one. */
const timeWeight = 0.4

/** Memories that the leading terms may touch before the others are only looked up. */
const mostTouched = 6000

/** A term that is looked for: what it is worth to each aspect of the question. */
export interface AskedTerm {
  readonly term: string
  readonly memories: number
  /** What it adds at most, by the aspect's place. */
  readonly values: ReadonlyMap<number, number>
}

const rarity = (memories: number, total: number): number => {
  // Of a term that was not counted to the end, somewhere between what is known and half of all.
  const counted = memories >= mostCounted ? Math.sqrt(memories * Math.max(memories, total / 2)) : memories
  return Math.log(1 + (Math.max(total, counted) - counted + 0.5) / (counted + 0.5))
}

const likeness = (one: string, other: string): number => {
  let same = 0
  while (same < one.length && one[same] === other[same]) same++
  return same / Math.max(one.length, other.length)
}

/** What each term of the index is worth for a question. */
export const weigh = (
  aspects: ReadonlyArray<Aspect>,
  found: ReadonlyArray<FoundTerm>,
  totals: IndexTotals
): ReadonlyArray<AskedTerm> => {
  const wordings = aspects.flatMap((aspect, place) => aspect.map((wording) => ({ ...wording, place })))
  const stems = new Map(found.filter(({ own }) => own).map(({ term, word }) => [word, term]))
  const asked = new Map<string, { memories: number; values: Map<number, number> }>()
  for (const { memories, own, term, word } of found) {
    const wording = wordings[word]
    if (wording === undefined || memories === 0) continue
    const alike = own ? 1 : likeness(stems.get(word) ?? "", term)
    if (alike < leastAlike) continue
    const weight = wording.weight * (own ? 1 : alike * alikeWeight) * (term === timeMark ? timeWeight : 1)
    const value = weight * rarity(memories, totals.memories)
    const known = asked.get(term) ?? { memories, values: new Map<number, number>() }
    known.values.set(wording.place, Math.max(value, known.values.get(wording.place) ?? 0))
    asked.set(term, known)
  }
  return [...asked].map(([term, { memories, values }]) => ({ term, memories, values }))
}

const worth = ({ values }: AskedTerm): number => Math.max(...values.values())

/** The terms by which memories are looked up, and those that only count where these led. */
export interface SplitTerms {
  readonly leading: ReadonlyArray<WeightedTerm>
  readonly others: ReadonlyArray<PlacedTerm>
}

/** Has the rarest terms lead, as many as can be afforded. */
export const splitTerms = (terms: ReadonlyArray<AskedTerm>): SplitTerms => {
  const placed = terms.map((term, place) => ({ ...term, place, weight: worth(term) }))
  const rarest = placed.toSorted(
    (a, b) => Number(a.term === timeMark) - Number(b.term === timeMark) || a.memories - b.memories
  )
  let touched = 0
  const affordable = rarest.findIndex(({ memories }, index) => (touched += memories) > mostTouched && index > 0)
  const lead = affordable < 0 ? rarest.length : affordable
  return { leading: rarest.slice(0, lead), others: rarest.slice(lead) }
}

/** What a memory adds to each aspect of the question, by BM25. */
type Fit = ReadonlyArray<number>

const fitOf = (
  { hits, length }: Candidate,
  terms: ReadonlyArray<AskedTerm>,
  aspects: number,
  meanLength: number
): Fit => {
  const fit = Array.from({ length: aspects }, () => 0)
  for (const [place, inText, inContext] of hits ?? []) {
    const frequency = inText + contextWeight * inContext
    const share = frequency / (frequency + 0.3 + (0.9 * length) / meanLength)
    for (const [aspect, value] of terms[place]?.values ?? []) fit[aspect] = Math.max(fit[aspect] ?? 0, value * share)
  }
  return fit
}

const sum = (fit: Fit): number => fit.reduce((total, part) => total + part, 0)

/** A memory's place in a list, with what it was placed by. */
export interface Ranked {
  readonly number: number
  readonly score: number
}

/** Ranks candidates of a question, best first. */
export class Ranking {
  readonly #fits = new Map<number, Fit>()
  readonly #near = new Map<number, Array<readonly [number, number]>>()
  readonly #terms: ReadonlyArray<AskedTerm>
  readonly #aspects: number
  readonly #meanLength: number

  constructor(terms: ReadonlyArray<AskedTerm>, aspects: number, totals: IndexTotals) {
    this.#terms = terms
    this.#aspects = aspects
    this.#meanLength = Math.max(1, totals.length)
  }

  add(candidates: ReadonlyArray<Candidate>): void {
    for (const candidate of candidates) {
      if (this.#fits.has(candidate.number)) continue
      this.#fits.set(candidate.number, fitOf(candidate, this.#terms, this.#aspects, this.#meanLength))
    }
  }

  addNeighbours(neighbours: ReadonlyArray<Neighbour>): void {
    this.add(neighbours)
    for (const { distance, number, of } of neighbours) {
      this.#note(of, number, distance)
      this.#note(number, of, -distance)
    }
  }

  #note(number: number, beside: number, distance: number): void {
    const known = this.#near.get(number) ?? []
    if (!known.some(([other]) => other === beside)) known.push([beside, distance])
    this.#near.set(number, known)
  }

  /** By their own words alone. */
  get alone(): ReadonlyArray<Ranked> {
    return this.#sorted((number) => sum(this.#fits.get(number) ?? []))
  }

  /** By their own words and, for what they lack, those said beside them. */
  get together(): ReadonlyArray<Ranked> {
    return this.#sorted((number) => {
      const fit = [...(this.#fits.get(number) ?? [])]
      for (const [beside, distance] of this.#near.get(number) ?? []) {
        const weight = nearness[distance] ?? 0
        for (const [aspect, part] of (this.#fits.get(beside) ?? []).entries()) {
          fit[aspect] = Math.max(fit[aspect] ?? 0, part * weight)
        }
      }
      return sum(fit)
    })
  }

  /** What a memory would come to that had all that is asked for. */
  get ideal(): number {
    const best = Array.from({ length: this.#aspects }, () => 0)
    for (const { values } of this.#terms) {
      for (const [aspect, value] of values) best[aspect] = Math.max(best[aspect] ?? 0, value)
    }
    return sum(best)
  }

  #sorted(scoreOf: (number: number) => number): ReadonlyArray<Ranked> {
    return [...this.#fits.keys()]
      .map((number) => ({ number, score: scoreOf(number) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score || a.number - b.number)
  }
}

/** The usual constant of reciprocal rank fusion: how little the first places stand out. */
const fusionConstant = 60

/** A list and how much its order counts. */
export interface WeightedList {
  readonly list: ReadonlyArray<Ranked>
  readonly weight: number
}

/** Fuses lists of one question by reciprocal rank: what stands high in several is best. */
export const fuse = (lists: ReadonlyArray<WeightedList>): ReadonlyArray<Ranked> => {
  const scores = new Map<number, number>()
  let all = 0
  for (const { list, weight } of lists) {
    all += weight
    for (const [place, { number }] of list.entries()) {
      const share = (fusionConstant + 1) / (fusionConstant + 1 + place)
      scores.set(number, (scores.get(number) ?? 0) + weight * share)
    }
  }
  return [...scores]
    .map(([number, score]) => ({ number, score: score / Math.max(all, 1) }))
    .toSorted((a, b) => b.score - a.score || a.number - b.number)
}
