import { type Kind, small } from "./Kinds.ts"
import { makeRandom, type Random } from "./Random.ts"

/** Something that one of two people said. */
export interface Turn {
  readonly id: string
  readonly conversation: string
  readonly session: number
  readonly turn: number
  readonly speaker: string
  /** RFC 3339. */
  readonly timestamp: string
  readonly text: string
}

/** What makes a question hard. */
export type Category = "near" | "paraphrase" | "reply" | "hops" | "dates" | "speakers"

/** A question with the turns that answer it. */
export interface Question {
  readonly category: Category
  readonly conversation: string
  readonly text: string
  readonly evidence: ReadonlyArray<string>
}

/** Conversations and what is asked of them. */
export interface QuestionSet {
  readonly turns: ReadonlyArray<Turn>
  readonly questions: ReadonlyArray<Question>
}

const names = "Amara Boris Celia Dmitri Esther Farid Greta Hugo Ilse Jonas Keiko Lionel Maren Nadir Olive Pavel".split(
  " "
)

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December"
]

const dayMillis = 86_400_000

interface Told {
  readonly kind: Kind
  readonly value: string
  readonly speaker: string
  readonly id: string
  /** Midnight of the day of which it tells; null where it tells of none. */
  readonly day: number | null
  readonly reply: boolean
}

/** A time as people say it, and the day that it means. */
const timeOf = (random: Random, said: number): { readonly phrase: string; readonly day: number } => {
  const midnight = said - (said % dayMillis)
  const ago = 1 + random.below(6)
  const day = midnight - ago * dayMillis
  switch (random.below(4)) {
    case 0:
      return { phrase: "yesterday", day: midnight - dayMillis }
    case 1:
      return { phrase: `last ${weekdays[new Date(day).getUTCDay()] ?? ""}`, day }
    case 2:
      return {
        phrase: `${["one", "two", "three", "four", "five", "six"][ago - 1] ?? ""} day${ago === 1 ? "" : "s"} ago`,
        day
      }
    default:
      return { phrase: `on ${new Date(day).getUTCDate()} ${months[new Date(day).getUTCMonth()] ?? ""}`, day }
  }
}

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const written = (day: number) => {
  const date = new Date(day)
  return `${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ""} ${date.getUTCFullYear()}`
}

const fill = (template: string, parts: Readonly<Record<string, string>>) =>
  capitalised(template.replaceAll(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? ""))

const chatter = (random: Random) => `${random.pick(small)} ${random.pick(small)}`

const otherThan = (pair: readonly [string, string], speaker: string) => (pair[0] === speaker ? pair[1] : pair[0])

/** Two people who talk for some sessions, and what may be asked of what they said. */
const converse = (
  random: Random,
  conversation: string,
  pair: readonly [string, string],
  kinds: ReadonlyArray<Kind>
) => {
  const turns: Array<Turn> = []
  const told: Array<Told> = []
  let clock = Date.UTC(2023, random.below(6), 1 + random.below(20), 9 + random.below(8))
  let session = 1
  let turn = 0

  const speak = (speaker: string, text: string): Turn => {
    clock += 60_000 + random.below(120_000)
    turn += 1
    const id = `${conversation}:${session}:${turn}`
    const spoken = { id, conversation, session, turn, speaker, timestamp: new Date(clock).toISOString(), text }
    turns.push(spoken)
    return spoken
  }

  const tell = (kind: Kind, value: string, speaker: string) => {
    const time = timeOf(random, clock)
    const template = random.pick(kind.say)
    if (kind.prompt !== undefined && random.next() < 0.4) {
      speak(otherThan(pair, speaker), kind.prompt)
      const { id } = speak(
        speaker,
        `${capitalised(value)}! ${random.pick(["I couldn't be happier.", "It feels right.", "Long story, but yes."])}`
      )
      told.push({ kind, value, speaker, id, day: null, reply: true })
      return
    }
    const { id } = speak(speaker, fill(template, { x: value, x2: "Gdansk", t: time.phrase }))
    told.push({ kind, value, speaker, id, day: template.includes("{t}") ? time.day : null, reply: false })
  }

  const script = random.shuffle(
    kinds.flatMap((kind) => {
      const values = random.shuffle(kind.values)
      const ofOne = kind.all === undefined ? 1 : 2
      // Both tell of the same, so that it matters who was meant.
      return pair.flatMap((speaker, place) =>
        values.slice(place * ofOne, place * ofOne + ofOne).map((value) => ({ kind, value, speaker }))
      )
    })
  )
  for (const [index, { kind, speaker, value }] of script.entries()) {
    if (index > 0 && index % 3 === 0) {
      session += 1
      turn = 0
      clock += (4 + random.below(12)) * dayMillis
    }
    for (let chat = 2 + random.below(4); chat > 0; chat--) speak(random.pick(pair), chatter(random))
    tell(kind, value, speaker)
    speak(otherThan(pair, speaker), chatter(random))
  }
  return { turns, told }
}

const questionsOf = (random: Random, conversation: string, told: ReadonlyArray<Told>): ReadonlyArray<Question> => {
  const questions: Array<Question> = []
  const ask = (category: Category, text: string, evidence: ReadonlyArray<string>) =>
    questions.push({ category, conversation, text, evidence })
  const of = ({ kind, speaker }: Told) => told.filter((other) => other.kind === kind && other.speaker === speaker)

  for (const one of told) {
    const alike = of(one)
    const n = one.speaker
    const evidence = alike.map(({ id }) => id)
    if (alike[0] !== one) continue
    if (!one.reply) ask("near", fill(one.kind.near, { n }), evidence)
    const question = fill(random.pick(one.kind.ask), { n, x: one.value })
    if (one.reply) ask("reply", question, evidence)
    else if (told.some(({ kind, speaker }) => kind === one.kind && speaker !== n)) ask("speakers", question, evidence)
    else ask("paraphrase", question, evidence)
    if (one.kind.all !== undefined && alike.length > 1) ask("hops", fill(one.kind.all, { n }), evidence)
    for (const dated of alike) {
      if (dated.day === null || dated.kind.when === undefined) continue
      if (random.next() < 0.5) ask("dates", fill(random.pick(dated.kind.when), { n, x: dated.value }), [dated.id])
      else ask("dates", `What did ${n} say happened on ${written(dated.day)}?`, [dated.id])
    }
  }
  // Two things of one person in one question.
  const singles = random.shuffle(told.filter((one) => of(one).length === 1))
  for (let index = 0; index + 1 < singles.length; index += 2) {
    const [a, b] = [singles[index], singles[index + 1]]
    if (a === undefined || b === undefined || a.speaker !== b.speaker) continue
    const first = fill(random.pick(a.kind.ask), { n: a.speaker }).replace(/\?$/, "")
    const second = fill(random.pick(b.kind.ask), { n: b.speaker })
    ask("hops", `${first}, and ${second.charAt(0).toLowerCase()}${second.slice(1)}`, [a.id, b.id])
  }
  return questions
}

/** The same conversations and questions for the same seed. */
export const makeQuestions = (seed: number, kinds: ReadonlyArray<Kind>, conversations: number): QuestionSet => {
  const random = makeRandom(seed)
  const turns: Array<Turn> = []
  const questions: Array<Question> = []
  for (let number = 0; number < conversations; number++) {
    const [one = "", other = ""] = random.shuffle(names)
    // One kind in four is told by one of the two only.
    const spoken = converse(random, `c${number}`, [one, other], kinds)
    const alone = new Set(random.shuffle(kinds).slice(0, Math.floor(kinds.length / 4)))
    const kept = spoken.told.filter(({ kind, speaker }) => !alone.has(kind) || speaker === one)
    const dropped = new Set(spoken.told.filter((told) => !kept.includes(told)).map(({ id }) => id))
    turns.push(...spoken.turns.map((turn) => (dropped.has(turn.id) ? { ...turn, text: chatter(random) } : turn)))
    questions.push(...questionsOf(random, `c${number}`, kept))
  }
  return { turns, questions }
}
