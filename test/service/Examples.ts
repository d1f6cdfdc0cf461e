import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** With this variable each failure that is seen is kept in a directory, one file each, for the documentation. */
const directory = process.env["ERROR_EXAMPLES"]

/** Where a failure was seen. */
type Seen = "response" | "event" | "frame" | "log"

const idOf = (shown: object): string | undefined =>
  "error_id" in shown && typeof shown.error_id === "string" ? shown.error_id : undefined

const recognise = (shown: unknown): { readonly seen: Seen; readonly id: string } | undefined => {
  if (typeof shown !== "object" || shown === null) return undefined
  // A stored run has an error, too, and is not an example of it.
  if ("title" in shown && "error" in shown && typeof shown.error === "object" && shown.error !== null) {
    const id = idOf(shown.error)
    return id === undefined ? undefined : { seen: "response", id }
  }
  if ("type" in shown && shown.type === "error" && "error" in shown && typeof shown.error === "object") {
    const id = shown.error === null ? undefined : idOf(shown.error)
    return id === undefined ? undefined : { seen: "frame", id }
  }
  const id = idOf(shown)
  if (id === undefined) return undefined
  if ("fatal" in shown) return { seen: "event", id }
  return "level" in shown ? { seen: "log", id } : undefined
}

/** Keeps what was seen, if it is a failure: a body, the data of an event, a WebSocket's frame, a line of the log. */
export const keepExample = (shown: unknown): void => {
  const recognised = directory === undefined ? undefined : recognise(shown)
  if (directory === undefined || recognised === undefined) return
  const text = JSON.stringify({ ...recognised, shown })
  mkdirSync(directory, { recursive: true })
  const name = createHash("sha256").update(text).digest("hex").slice(0, 16)
  writeFileSync(join(directory, `${recognised.id}.${name}.json`), text)
}

/** Keeps what was seen as text. */
export const keepExampleText = (text: string): void => {
  if (directory === undefined || !text.startsWith("{")) return
  try {
    keepExample(JSON.parse(text))
  } catch {
    // No JSON, or the half of it.
  }
}
