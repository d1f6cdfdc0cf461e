import { Bm25 } from "./Bm25.ts"
import { median } from "../Statistics.ts"
import type { Category, QuestionSet, Turn } from "./Conversations.ts"
import { type Document, openSearcher } from "./Search.ts"

/** How much of the evidence stands among the first results, and how long a question took. */
export interface Recall {
  readonly questions: number
  readonly at5: number
  readonly at10: number
  readonly millis: number
}

/** The categories of questions, and all of them. */
export type Results = ReadonlyMap<Category | "all", { readonly plain: Recall; readonly causeway: Recall }>

/** How turns are stored: what is known of each beside its text. */
export type Style = "metadata" | "transcript" | "text"

const documentOf =
  (style: Style) =>
  ({ conversation, id, session, speaker, text, timestamp, turn }: Turn): Document => {
    const collection = conversation
    switch (style) {
      case "metadata":
        return { id, collection, text, metadata: { speaker, timestamp, session, turn } }
      case "transcript":
        return { id, collection, text: `[${timestamp.slice(0, 10)}] ${speaker}: ${text}`, metadata: {} }
      case "text":
        return { id, collection, text: `${speaker}: ${text}`, metadata: {} }
    }
  }

interface Asked {
  readonly category: Category
  readonly plain: { readonly at5: number; readonly at10: number; readonly millis: number }
  readonly causeway: { readonly at5: number; readonly at10: number; readonly millis: number }
}

const recallOf = (found: ReadonlyArray<string>, evidence: ReadonlyArray<string>, at: number): number => {
  const first = new Set(found.slice(0, at))
  return evidence.filter((id) => first.has(id)).length / evidence.length
}

const groupBy = <A, Key>(all: ReadonlyArray<A>, keyOf: (one: A) => Key): ReadonlyMap<Key, ReadonlyArray<A>> => {
  const groups = new Map<Key, Array<A>>()
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one])
  return groups
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const summary = (asked: ReadonlyArray<Asked>, of: "plain" | "causeway"): Recall => ({
  questions: asked.length,
  at5: mean(asked.map((one) => one[of].at5)),
  at10: mean(asked.map((one) => one[of].at10)),
  millis: median(asked.map((one) => one[of].millis))
})

/** Asks all questions of plain BM25 and of Causeway. BM25 has the speaker and the day in its text. */
export const evaluate = async (url: string, { questions, turns }: QuestionSet, style: Style): Promise<Results> => {
  const searcher = await openSearcher(url)
  try {
    await searcher.store(turns.map(documentOf(style)))
    const byConversation = groupBy(turns, ({ conversation }) => conversation)
    const plain = new Map(
      [...byConversation].map(([conversation, said]) => [
        conversation,
        {
          said,
          index: new Bm25(
            said.map(
              ({ speaker, text, timestamp }) =>
                `${style === "text" ? "" : `${timestamp.slice(0, 10)} `}${speaker}: ${text}`
            )
          )
        }
      ])
    )
    const asked: Array<Asked> = []
    for (const { category, conversation, evidence, text } of questions) {
      const baseline = plain.get(conversation)
      const begun = performance.now()
      const places = baseline?.index.search(text, 10) ?? []
      const between = performance.now()
      const found = await searcher.search(text, conversation, 10)
      const ended = performance.now()
      const ids = places.map((place) => baseline?.said[place]?.id ?? "")
      const measure = (list: ReadonlyArray<string>, millis: number) => ({
        at5: recallOf(list, evidence, 5),
        at10: recallOf(list, evidence, 10),
        millis
      })
      asked.push({
        category,
        plain: measure(ids, between - begun),
        causeway: measure(found, ended - between)
      })
    }
    const of = (some: ReadonlyArray<Asked>) => ({ plain: summary(some, "plain"), causeway: summary(some, "causeway") })
    const byCategory = [...groupBy(asked, ({ category }) => category)].map(([name, some]) => [name, of(some)] as const)
    return new Map<Category | "all", ReturnType<typeof of>>([...byCategory, ["all", of(asked)]])
  } finally {
    await searcher.close()
  }
}
