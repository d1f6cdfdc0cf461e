import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** With this variable each failure that a client is shown is kept in a directory, one file an error_id. */
const directory = process.env["ERROR_EXAMPLES"]

const idOf = (shown: unknown): string | undefined => {
  if (typeof shown !== "object" || shown === null) return undefined
  if ("error_id" in shown && typeof shown.error_id === "string") return shown.error_id
  return "error" in shown ? idOf(shown.error) : undefined
}

/** Keeps what a client was shown, if it is a failure: the documentation shows it as an example. */
export const keepExample = (shown: unknown): void => {
  const id = directory === undefined ? undefined : idOf(shown)
  if (directory === undefined || id === undefined) return
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, `${id}.json`), JSON.stringify(shown))
}
