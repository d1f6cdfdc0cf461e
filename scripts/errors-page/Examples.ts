import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type CatalogueEntry, entryOf, isFailureTag, catalogue } from "../../src/domain/errors/catalogue.ts"
import { calm } from "./Calm.ts"

/** Where a failure was seen: in the body of an answer, in an `error` event, a WebSocket's frame, or a line of the log. */
export type Seen = "response" | "event" | "frame" | "log"

/** What was seen of a failure: a body, the data of an event, or a line. */
export interface Example {
  readonly seen: Seen
  readonly shown: unknown
}

/** One example of each failure, by its error_id. */
export type Examples = Readonly<Record<string, Example>>

const entries = new Map<string, CatalogueEntry>(
  Object.keys(catalogue).flatMap((tag) => {
    if (!isFailureTag(tag)) return []
    const entry = entryOf(tag)
    return [[entry.error_id, entry]]
  })
)

/** What a client is shown comes before what stands in the log; -1 for what the catalogue says is not seen there. */
const rankOf = (errorId: string, seen: Seen): number => {
  const shows = entries.get(errorId)?.shows ?? []
  const isTold = shows.includes("response") || shows.includes("event")
  switch (seen) {
    case "response":
    case "event":
      return shows.indexOf(seen)
    case "frame":
      return isTold ? shows.length : -1
    case "log":
      return isTold ? -1 : shows.length
  }
}

/** Whether an example shows a failure where the catalogue says that it is seen. */
export const isInPlace = (errorId: string, { seen }: Example): boolean => rankOf(errorId, seen) >= 0

/** The best first: where it is seen first, the shortest (the line that says most), and among equals always the same. */
const better = (errorId: string) => (a: Example, b: Example) => {
  const [first, second] = [JSON.stringify(a.shown), JSON.stringify(b.shown)]
  const longer = (first.length - second.length) * (a.seen === "log" ? -1 : 1)
  return rankOf(errorId, a.seen) - rankOf(errorId, b.seen) || longer || (first < second ? -1 : 1)
}

/** The best of what tests have kept in a directory (test/service/Examples.ts), with nothing in it that is different in each run. */
export const examplesIn = (directory: string): Examples => {
  const found = new Map<string, Array<Example>>()
  for (const file of readdirSync(directory)) {
    const { id, seen, shown } = JSON.parse(readFileSync(join(directory, file), "utf8"))
    const example = { seen, shown: calm(shown) }
    if (isInPlace(id, example)) found.set(id, [...(found.get(id) ?? []), example])
  }
  return Object.fromEntries(
    [...found].flatMap(([id, examples]) => {
      const [best] = examples.toSorted(better(id))
      return best === undefined ? [] : [[id, best]]
    })
  )
}
