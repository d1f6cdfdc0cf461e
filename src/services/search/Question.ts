import { membersOf } from "./Kinds.ts"
import { marksOf, spansIn } from "./Moments.ts"
import { synonymsOf } from "./Synonyms.ts"
import { timeMark } from "./TextIndex.ts"
import { wordsOf } from "./Words.ts"

/** One way of saying what is asked for. */
export interface Wording {
  readonly text: string
  /** A mark stands for itself; a word has a stem. */
  readonly kind: "word" | "mark"
  /** How much it says that it is there, from 0 to 1. */
  readonly weight: number
  /** Whether words that begin alike may be meant too. */
  readonly original: boolean
}

/** One thing that is asked for, with the ways of saying it: the best of them counts. */
export type Aspect = ReadonlyArray<Wording>

/** Longest question, in words: what follows adds nothing but time. */
const mostWords = 60

/** How much a synonym counts of what the word itself would. */
const synonymWeight = 0.4

const asksForTime =
  /\b(when|how long|since when|what (?:date|day|month|year|time)|(?:which|what) (?:day|month|year|week)|how many (?:days|weeks|months|years))\b/i

/** How much a thing of the kind that is asked for counts. */
const memberWeight = 0.3

/** How much a word counts that says little of what is asked for. */
const lightWeight = 0.3

/** Words that questions are made with, beside those that no index has. */
const light = new Set(
  "ask call come do ever feel find get give go happen have kind know lot make many mean mention much name one say sort start take tell thing think time type use want way".split(
    " "
  )
)

const aspectOfWord = (word: string): Aspect => {
  if (light.has(word)) return [{ text: word, kind: "word", weight: lightWeight, original: true }]
  const synonyms = synonymsOf(word)
  return [
    { text: word, kind: "word", weight: 1, original: true },
    ...synonyms.map((text): Wording => ({ text, kind: "word", weight: synonymWeight, original: false })),
    ...membersOf(word)
      .filter((member) => !synonyms.includes(member))
      .map((text): Wording => ({ text, kind: "word", weight: memberWeight, original: false }))
  ]
}

const weightOfMark = (mark: string): number => (mark.length > 8 ? 1 : mark.length > 5 ? 0.6 : 0.3)

/** What a question asks for. `now` is what "yesterday" in it is counted from. */
export const aspectsOf = (question: string, now: Date): ReadonlyArray<Aspect> => {
  const words = [...new Set(wordsOf(question))].slice(0, mostWords)
  const times = spansIn(question, now).map((span) =>
    marksOf(span).map((text): Wording => ({ text, kind: "mark", weight: weightOfMark(text), original: false }))
  )
  const time: ReadonlyArray<Aspect> = asksForTime.test(question)
    ? [[{ text: timeMark, kind: "mark", weight: 1, original: false }]]
    : []
  return [...words.map(aspectOfWord), ...times, ...time]
}
