// What the alert rules speak of, without a parser of PromQL: names that are neither functions, labels nor words.
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** The rules as they stand in the repository. */
export const rulesText: string = readFileSync(join(import.meta.dirname, "../../ops/alerts.yml"), "utf8")

const keywords = new Set([
  "by",
  "without",
  "and",
  "or",
  "unless",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "bool"
])

/** The expressions of all rules. */
export const expressions: ReadonlyArray<string> = [...rulesText.matchAll(/^( +)expr: (.*)\n((?:\1 +.*\n)*)/gm)].map(
  ([, , first = "", rest = ""]) => `${first}\n${rest}`.replace(/^>-\s*/, "")
)

/** Names of metrics in an expression. */
export const metricsIn = (expression: string): ReadonlyArray<string> => {
  const bare = expression
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(by|without|on|ignoring) *\([^)]*\)/g, " ")
  return [...bare.matchAll(/\b[a-z_:][\w:]*\b(?! *\()/gi)].map(([name]) => name).filter((name) => !keywords.has(name))
}

/** Ids of errors anywhere in the rules. */
export const errorIds: ReadonlyArray<string> = [...new Set(rulesText.match(/\bERR_[A-Z_]+/g))]
