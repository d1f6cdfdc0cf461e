/** A span of days that a text speaks of. Days are counted from 1970-01-01, in UTC. */
export interface Span {
  readonly from: number
  /** The last day of it. */
  readonly to: number
}

const dayMillis = 86_400_000

const monthNames = "january february march april may june july august september october november december".split(" ")
const dayNames = "sunday monday tuesday wednesday thursday friday saturday".split(" ")
const seasons: Readonly<Record<string, number>> = { spring: 2, summer: 5, autumn: 8, fall: 8, winter: 11 }
const numbers: Readonly<Record<string, number>> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  couple: 2,
  three: 3,
  few: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12
}

const monthIn = `(${monthNames.join("|")}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)`
const dayIn = `(${dayNames.join("|")})`
const numberIn = `(\\d{1,3}|${Object.keys(numbers).join("|")})`
const yearIn = "((?:19|20)\\d\\d)"

const monthOf = (name: string): number => monthNames.findIndex((month) => month.startsWith(name.slice(0, 3)))

const dayOf = (year: number, month: number, day: number): number => Math.floor(Date.UTC(year, month, day) / dayMillis)

const monthSpan = (year: number, month: number, months = 1): Span => ({
  from: dayOf(year, month, 1),
  to: dayOf(year, month + months, 0)
})

const single = (day: number): Span => ({ from: day, to: day })

const dateOf = (day: number): Date => new Date(day * dayMillis)

// Weeks begin on Monday.
const weekOf = (day: number): Span => {
  const monday = day - ((dateOf(day).getUTCDay() + 6) % 7)
  return { from: monday, to: monday + 6 }
}

const count = (text: string): number => numbers[text] ?? Number(text)

const unitSpan = (unit: string, today: number, steps: number): Span => {
  const date = dateOf(today)
  switch (unit) {
    case "day":
      return single(today + steps)
    case "week":
      return weekOf(today + 7 * steps)
    case "weekend": {
      const { to } = weekOf(today + 7 * steps)
      return { from: to - 1, to }
    }
    case "month":
      return monthSpan(date.getUTCFullYear(), date.getUTCMonth() + steps)
    default:
      return monthSpan(date.getUTCFullYear() + steps, 0, 12)
  }
}

const stepOf = (word: string): number => (word === "last" || word === "past" ? -1 : word === "next" ? 1 : 0)

const weekdaySpan = (which: string, name: string, today: number): Span => {
  const ahead = (dayNames.indexOf(name) - dateOf(today).getUTCDay() + 7) % 7
  if (which === "next" || which === "this" || which === "coming") return single(today + (ahead === 0 ? 7 : ahead))
  return single(today + ahead - 7)
}

type Reading = readonly [RegExp, (match: RegExpMatchArray, today: number | null) => Span | null]

const text = (match: RegExpMatchArray, group: number): string => match[group] ?? ""
const number = (match: RegExpMatchArray, group: number): number => Number(match[group])

const absolute: ReadonlyArray<Reading> = [
  [
    /\b((?:19|20)\d\d)[-/](\d{1,2})[-/](\d{1,2})\b/g,
    (match) => single(dayOf(number(match, 1), number(match, 2) - 1, number(match, 3)))
  ],
  [
    new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of)? ${monthIn}\\.?,? ${yearIn}\\b`, "g"),
    (match) => single(dayOf(number(match, 3), monthOf(text(match, 2)), number(match, 1)))
  ],
  [
    new RegExp(`\\b${monthIn}\\.? (\\d{1,2})(?:st|nd|rd|th)?,? ${yearIn}\\b`, "g"),
    (match) => single(dayOf(number(match, 3), monthOf(text(match, 1)), number(match, 2)))
  ],
  [
    new RegExp(`\\b${monthIn}\\.?,?(?: of)? ${yearIn}\\b`, "g"),
    (match) => monthSpan(number(match, 2), monthOf(text(match, 1)))
  ],
  [
    new RegExp(`\\b(spring|summer|autumn|fall|winter),?(?: of)? ${yearIn}\\b`, "g"),
    (match) => monthSpan(number(match, 2), seasons[text(match, 1)] ?? 0, 3)
  ]
]

const bareYear: Reading = [new RegExp(`\\b${yearIn}\\b`, "g"), (match) => monthSpan(number(match, 1), 0, 12)]

const nearestYear = (today: number, month: number): number => {
  const date = dateOf(today)
  const ahead = month - date.getUTCMonth()
  return date.getUTCFullYear() + (ahead > 6 ? -1 : 0)
}

const relative: ReadonlyArray<Reading> = [
  [/\bthe day before yesterday\b/g, (_, today) => (today === null ? null : single(today - 2))],
  [/\b(yesterday|last night)\b/g, (_, today) => (today === null ? null : single(today - 1))],
  [/\b(today|tonight|this (?:morning|afternoon|evening))\b/g, (_, today) => (today === null ? null : single(today))],
  [/\btomorrow\b/g, (_, today) => (today === null ? null : single(today + 1))],
  [
    new RegExp(`\\b${numberIn}(?: of)? (day|week|weekend|month|year)s? ago\\b`, "g"),
    (match, today) => (today === null ? null : unitSpan(text(match, 2), today, -count(text(match, 1))))
  ],
  [
    /\b(last|past|next|this) (week|weekend|month|year)\b/g,
    (match, today) => (today === null ? null : unitSpan(text(match, 2), today, stepOf(text(match, 1))))
  ],
  [
    new RegExp(`\\b(last|past|next|this|coming|on) ${dayIn}\\b`, "g"),
    (match, today) => (today === null ? null : weekdaySpan(text(match, 1), text(match, 2), today))
  ],
  [
    new RegExp(`\\b${monthIn} (\\d{1,2})(?:st|nd|rd|th)?\\b(?!,? (?:19|20)\\d\\d)`, "g"),
    (match, today) => {
      if (today === null) return null
      const month = monthOf(text(match, 1))
      return single(dayOf(nearestYear(today, month), month, number(match, 2)))
    }
  ],
  [
    new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of)? ${monthIn}\\b(?!,? (?:19|20)\\d\\d)`, "g"),
    (match, today) => {
      if (today === null) return null
      const month = monthOf(text(match, 2))
      return single(dayOf(nearestYear(today, month), month, number(match, 1)))
    }
  ],
  [
    /\b(last|past|next|this) (spring|summer|autumn|fall|winter)\b/g,
    (match, today) => {
      if (today === null) return null
      const first = seasons[text(match, 2)] ?? 0
      const date = dateOf(today)
      const over = date.getUTCMonth() > first + 2
      const step = text(match, 1) === "next" ? (over ? 1 : 0) : text(match, 1) === "this" || over ? 0 : -1
      return monthSpan(date.getUTCFullYear() + step, first, 3)
    }
  ],
  [
    new RegExp(`\\b(?:in|last|since|until|by|during|next) (${monthNames.join("|")})\\b(?! \\d)`, "g"),
    (match, today) => {
      if (today === null) return null
      const month = monthOf(text(match, 1))
      return monthSpan(nearestYear(today, month), month)
    }
  ]
]

const read = (lower: string, today: number | null, readings: ReadonlyArray<Reading>): ReadonlyArray<Span> =>
  readings.flatMap(([pattern, spanOf]) =>
    [...lower.matchAll(pattern)].flatMap((match) => {
      const span = spanOf(match, today)
      return span === null || Number.isNaN(span.from) || Number.isNaN(span.to) ? [] : [span]
    })
  )

/** The times that a text speaks of; `said` is the moment at which it was said, for words such as "yesterday". */
export const spansIn = (source: string, said: Date | null): ReadonlyArray<Span> => {
  const lower = source.toLowerCase()
  const today = said === null ? null : Math.floor(said.getTime() / dayMillis)
  const exact = read(lower, today, absolute)
  const years = exact.length > 0 ? [] : read(lower, today, [bareYear])
  return [...exact, ...years, ...read(lower, today, relative)]
}

/** Words by which a text speaks of a time without saying which. */
const vague =
  /\b(yesterday|today|tonight|tomorrow|ago|last|next|week|weekend|month|year|morning|evening|night|since|recently|soon|\d{4}|january|february|march|april|june|july|august|september|october|november|december|sunday|monday|tuesday|wednesday|thursday|friday|saturday|spring|summer|autumn|winter)\b/i

/** Whether a text speaks of time at all. */
export const speaksOfTime = (source: string): boolean => vague.test(source)

const twoDigits = (value: number): string => String(value).padStart(2, "0")

/** The names under which a span of days is found: each is a day, a month or a year. */
export const marksOf = ({ from, to }: Span): ReadonlyArray<string> => {
  const marks = new Set<string>()
  // Of a longer span each day would say too little.
  const days = to - from < 7 ? to - from + 1 : 0
  for (let step = 0; step < days; step++)
    marks.add(
      `#${dateOf(from + step)
        .toISOString()
        .slice(0, 10)}`
    )
  for (let day = from; day <= to; day += 7) addMonth(marks, dateOf(day), to - from > 100)
  addMonth(marks, dateOf(to), to - from > 100)
  return [...marks]
}

const addMonth = (marks: Set<string>, date: Date, yearOnly: boolean) => {
  marks.add(`#${date.getUTCFullYear()}`)
  if (!yearOnly) marks.add(`#${date.getUTCFullYear()}-${twoDigits(date.getUTCMonth() + 1)}`)
}

const clock = /\b(\d{1,2}):(\d\d)(?::(\d\d))?\s*(am|pm)?\b/i

/** Reads a moment from a text that means one, in RFC 3339 or as people write it: `1:56 pm on 8 May, 2023`. */
export const momentIn = (source: string): Date | null => {
  const parsed = /^\d{4}-\d\d-\d\d/.test(source) ? Date.parse(source) : Number.NaN
  if (!Number.isNaN(parsed)) return new Date(parsed)
  const [span] = read(source.toLowerCase(), null, absolute)
  if (span === undefined || span.from !== span.to) return null
  const time = clock.exec(source)
  if (time === null) return dateOf(span.from)
  const hour = (Number(time[1]) % (time[4] === undefined ? 24 : 12)) + (time[4]?.toLowerCase() === "pm" ? 12 : 0)
  return new Date(span.from * dayMillis + (hour * 60 + Number(time[2])) * 60_000 + Number(time[3] ?? 0) * 1000)
}
