/** Plain BM25 over lower-case words: no stemming, no stop words. */
export class Bm25 {
  readonly #k1 = 1.2
  readonly #b = 0.75
  readonly #documents: ReadonlyArray<ReadonlyMap<string, number>>
  readonly #lengths: ReadonlyArray<number>
  readonly #meanLength: number
  readonly #containing = new Map<string, number>()

  constructor(texts: ReadonlyArray<string>) {
    const words = texts.map(wordsOf)
    this.#documents = words.map((all) => {
      const counts = new Map<string, number>()
      for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1)
      return counts
    })
    this.#lengths = words.map(({ length }) => length)
    this.#meanLength = this.#lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length)
    for (const document of this.#documents) {
      for (const word of document.keys()) this.#containing.set(word, (this.#containing.get(word) ?? 0) + 1)
    }
  }

  /** The places of the best documents, best first; those without any of the words are none. */
  search(question: string, limit: number): ReadonlyArray<number> {
    const total = this.#documents.length
    const asked = [...new Set(wordsOf(question))].map((word) => {
      const containing = this.#containing.get(word) ?? 0
      return { word, idf: Math.log(1 + (total - containing + 0.5) / (containing + 0.5)) }
    })
    return this.#documents
      .map((document, place) => {
        const length = this.#k1 * (1 - this.#b + (this.#b * (this.#lengths[place] ?? 0)) / this.#meanLength)
        let score = 0
        for (const { idf, word } of asked) {
          const count = document.get(word) ?? 0
          score += (idf * count * (this.#k1 + 1)) / (count + length)
        }
        return { place, score }
      })
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score || a.place - b.place)
      .slice(0, limit)
      .map(({ place }) => place)
  }
}

const wordsOf = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
