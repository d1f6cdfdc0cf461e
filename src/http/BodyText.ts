import type { ValidationIssue } from "../domain/errors/RequestErrors.ts"

/** Deepest nesting of arrays and objects. Deeper ones would overflow the stack of whoever walks them. */
const deepest = 100

const opening = /[[{]/g

const isTooDeep = (text: string): boolean => {
  if ((text.match(opening)?.length ?? 0) <= deepest) return false
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (quoted) {
      if (character === "\\") index++
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === "[" || character === "{") {
      if (++depth > deepest) return true
    } else if (character === "]" || character === "}") depth--
  }
  return false
}

// A NUL, or half of a surrogate pair, written as an escape after an even number of backslashes.
const unstorableEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

const unstorable = /[\0\p{Surrogate}]/u

const isUnstorable = (value: unknown): boolean => {
  if (typeof value === "string") return unstorable.test(value)
  if (typeof value !== "object" || value === null) return false
  return Object.entries(value).some(([name, member]) => isUnstorable(name) || isUnstorable(member))
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/**
 * What makes a body unusable whatever its schema: text that PostgreSQL cannot hold or that
 * would be changed on its way there, and nesting without end.
 */
export const bodyIssue = (text: string, bytes: () => Uint8Array): ValidationIssue | undefined => {
  // The decoder puts U+FFFD where bytes are not UTF-8; only then is there need to look again.
  if (text.includes("\ufffd") && !isUtf8(bytes())) return { path: "body", message: "is not UTF-8" }
  if (isTooDeep(text)) return { path: "body", message: `is nested more than ${deepest} levels deep` }
  if (unstorableEscape.test(text) && isUnstorable(parsed(text))) {
    return { path: "body", message: "has a NUL or half a surrogate pair in a string" }
  }
  return undefined
}
