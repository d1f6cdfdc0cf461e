import { millis, progress, reportNote, reportTable, reportTitle } from "../Report.ts"
import { median } from "../Statistics.ts"
import { makeRandom, type Random } from "./Random.ts"
import { openSearcher } from "./Search.ts"

const memories = 100_000
const vocabulary = 30_000
const questions = 200
const users = 1000

/** Rare words are rare, as in every language: the n-th most frequent has the n-th part of the first one's share. */
const wordIn = (random: Random): string => {
  const place = Math.floor(Math.exp(random.next() * Math.log(vocabulary)))
  return `${"bcdfghjklmnprstvz"[place % 17] ?? ""}${"aeiou"[place % 5] ?? ""}${place.toString(36)}`
}

const textIn = (random: Random, words: number): string => Array.from({ length: words }, () => wordIn(random)).join(" ")

/** How long a search takes among 100,000 memories of one tenant, and by which way it goes. */
export const largeMemory = async (url: string): Promise<void> => {
  const searcher = await openSearcher(url)
  try {
    const random = makeRandom(4)
    progress(`storing ${memories} memories`)
    for (let from = 0; from < memories; from += 1000) {
      const rows = Array.from({ length: 1000 }, (_, index) => {
        const number = from + index
        const text = textIn(random, 8 + random.below(20))
        return `(gen_random_uuid(), '${searcher.tenant}', '${text}', '${number}', 'u${number % users}', 'c${number % users}', ${Math.floor(number / users)})`
      })
      await searcher.sql(
        `INSERT INTO memories (id, tenant_id, memory, hash, user_id, conversation, turn) VALUES ${rows.join(", ")}`
      )
    }
    await searcher.sql("VACUUM ANALYZE")
    const [size] = await searcher.sql(
      `SELECT pg_size_pretty(pg_total_relation_size('memories')) AS memories,
        pg_size_pretty(pg_total_relation_size('memory_terms')) AS terms, (SELECT count(*) FROM memory_terms) AS rows`
    )
    const measure = async (owner: ((number: number) => string) | null) => {
      const times: Array<number> = []
      for (let number = 0; number < questions + 20; number++) {
        const question = textIn(random, 6)
        const begun = performance.now()
        await searcher.search(question, null, 10, owner === null ? {} : { user_id: owner(number) })
        if (number >= 20) times.push(performance.now() - begun)
      }
      return times.toSorted((a, b) => a - b)
    }
    progress("searching")
    const whole = await measure(null)
    const scoped = await measure((number) => `u${(number * 7) % users}`)
    const row = (name: string, times: ReadonlyArray<number>) => [
      name,
      millis(times[Math.floor(times.length * 0.1)] ?? 0),
      millis(median(times)),
      millis(times[Math.floor(times.length * 0.95)] ?? 0),
      millis(times.at(-1) ?? 0)
    ]
    reportTitle(`Memory: ${memories} memories of one tenant`)
    reportTable(
      ["search", "10 %", "median", "95 %", "longest"],
      [row("of all", whole), row("of one user of 1,000", scoped)]
    )
    reportNote(
      `memories ${String(size?.["memories"])}, memory_terms ${String(size?.["terms"])}, ${String(size?.["rows"])} terms`
    )
  } finally {
    await searcher.close()
  }
}
