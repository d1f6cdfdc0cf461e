import { Effect } from "effect"
import type { MemoryMetadata } from "../domain/Memory.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { knownKeys } from "../domain/KnownKeys.ts"

/** A value that is called a secret. */
const called =
  /\b((?:api|access|secret|private|auth|encryption|signing)[ _-]?(?:key|token)|password|passwd|passphrase|pwd|secret|bearer|client[ _-]secret|connection string)(\s*(?:is|:|=|are|to)\s*|\s+)(["'`]?)(?=[^\s"'`]*[\d!@#$%^&*])([^\s"'`]{6,})\3/gi

/** A password inside a URL. */
const inUrl = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s:/@]+@/gi

/** A long run of letters and digits, as only machines write them. */
const run = /[A-Za-z0-9+/_-]{32,}={0,2}/g

const kinds = (text: string): number => [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(text)).length

const looksRandom = (text: string): boolean => kinds(text) === 3 && !/[a-z]{9,}/i.test(text) && new Set(text).size >= 14

/** Whether a text holds something that is surely a key. */
const holdsKey = (text: string): boolean => text.search(knownKeys) >= 0

/** Whether a text holds something that may be a secret. */
export const holdsSecret = (text: string): boolean => withoutSecrets(text) !== text

/** The text with everything that looks like a secret taken out. */
export const withoutSecrets = (text: string): string =>
  text
    .replaceAll(knownKeys, "[secret]")
    .replaceAll(inUrl, "$1[secret]@")
    .replaceAll(called, "$1$2[secret]")
    .replaceAll(run, (found) => (looksRandom(found) ? "[secret]" : found))

/** Fails where something that is to be stored holds a key. */
export const refuseKeys = ({
  metadata,
  text
}: {
  readonly text?: string
  readonly metadata?: MemoryMetadata
}): Effect.Effect<void, ValidationFailed> => {
  const issues = [
    { path: "body.text", holds: text ?? "" },
    { path: "body.metadata", holds: JSON.stringify(metadata ?? {}) }
  ].flatMap(({ holds, path }) =>
    holdsKey(holds) ? [{ path, message: "holds a secret key, which is never stored" }] : []
  )
  return issues.length > 0 ? Effect.fail(new ValidationFailed({ issues })) : Effect.void
}
