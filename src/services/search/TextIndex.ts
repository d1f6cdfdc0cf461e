import type { MemoryMetadata, MemoryScope } from "../../domain/Memory.ts"
import type { IndexedText } from "../../storage/MemoryChanges.ts"
import { marksOf, momentIn, spansIn, speaksOfTime } from "./Moments.ts"
import { wordsOf } from "./Words.ts"

/** Marks a text that speaks of a time, so that questions for a time find it. */
export const timeMark = "#time"

const momentNames =
  /^(timestamp|date|datetime|date_time|time|said_at|spoken_at|sent_at|occurred_at|event_date|created_at|(session|message|turn|conversation)_?(date|time|datetime|date_time|timestamp))$/i
const turnNames =
  /^(dia_?id|turn|turn_?(id|index|number|no)|index|idx|position|seq|sequence|order|message_?(index|number|no)|utterance_?(index|id)|line)$/i
const conversationNames =
  /^((conversation|conv|dialog|dialogue|chat|thread|sample|session)(_?(id|key|name|number|num|no|index))?)$/i

const speakerNames = /^(speaker|speaker_?name|author|sender|from|role|participant)$/i

/** The head of a transcript's line: perhaps a date in brackets, a name, a colon. */
const head = /^\s*(?:[[(]([^\])]{0,60})[\])]\s*)?(?:(\p{Lu}[\p{L}\p{M}.'’ -]{0,40}):\s)?/u

const entryOf = (metadata: MemoryMetadata, names: RegExp): ReadonlyArray<string | number> =>
  Object.entries(metadata).flatMap(([name, value]) =>
    names.test(name) && (typeof value === "string" || typeof value === "number") ? [value] : []
  )

const plausible = (date: Date): boolean => date.getUTCFullYear() >= 1900 && date.getUTCFullYear() < 2200

const momentOf = (value: string | number): Date | null => {
  const date = typeof value === "string" ? momentIn(value) : new Date(value < 100_000_000_000 ? value * 1000 : value)
  return date !== null && !Number.isNaN(date.getTime()) && plausible(date) ? date : null
}

interface Line {
  readonly said: Date | null
  readonly speaker: string
  readonly text: string
}

const lineOf = (text: string, metadata: MemoryMetadata): Line => {
  const [whole = "", date = "", speaker = ""] = head.exec(text) ?? []
  const written = date === "" ? null : momentOf(date)
  const known = entryOf(metadata, momentNames)
    .map(momentOf)
    .find((moment) => moment !== null)
  // Brackets that hold no date belong to the text.
  const begins = date === "" || written !== null ? whole.length : 0
  return { said: known ?? written, speaker: begins === 0 ? "" : speaker, text: text.slice(begins) }
}

// The last number counts within what the numbers before it count, as in D3:12.
const turnOf = (metadata: MemoryMetadata): number | null => {
  for (const value of entryOf(metadata, turnNames)) {
    const found = String(value).match(/\d{1,6}/g)
    if (found === null) continue
    const [last = 0, before = 0] = found.map(Number).toReversed()
    return Math.min(before * 10_000 + last, 2_000_000_000)
  }
  return null
}

const isName = (text: string): boolean =>
  text.length <= 300 && /\p{L}/u.test(text) && !/^(https?:|[0-9a-f-]{16,}$|\S*\d\S*$)/i.test(text)

const textsIn = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return isName(value) ? [value] : []
  return Array.isArray(value) ? value.flatMap(textsIn) : []
}

/** What a text is found by: its own words, who said it and what else its metadata says of it, and the times it speaks of. */
export const indexText = (whole: string, metadata: MemoryMetadata, scope: MemoryScope): IndexedText => {
  const { said, speaker, text } = lineOf(whole, metadata)
  const turn = turnOf(metadata)
  const named = entryOf(metadata, conversationNames)
  const context = Object.entries(metadata).flatMap(([name, value]) =>
    momentNames.test(name) || turnNames.test(name) || conversationNames.test(name) ? [] : textsIn(value)
  )
  const spans = spansIn(text, said)
  const day =
    said === null
      ? []
      : [{ from: Math.floor(said.getTime() / 86_400_000), to: Math.floor(said.getTime() / 86_400_000) }]
  const marks = [...day, ...spans].flatMap(marksOf)
  if (spans.length > 0 || speaksOfTime(text)) marks.push(timeMark)
  const beside =
    said !== null || turn !== null || named.length > 0 || entryOf(metadata, speakerNames).length > 0 || speaker !== ""
  return {
    words: wordsOf(text).join(" "),
    context: wordsOf([speaker, ...context].join(" ")).join(" "),
    marks: [...new Set(marks)],
    conversation: beside
      ? JSON.stringify(
          [scope.user_id, scope.agent_id, scope.session_id, scope.project_id, ...named].map((part) => part ?? "")
        )
      : null,
    said_at: said?.toISOString() ?? null,
    turn: turn ?? 0
  }
}
