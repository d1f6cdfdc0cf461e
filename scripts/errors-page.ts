// Writes docs/errors.md from the catalogue, with the examples in docs/errors.examples.json that tests have seen.
// Usage: ERROR_EXAMPLES=directory npx vitest run, then node scripts/errors-page.ts directory: examples that are not there
// yet are taken from it, with --replace all that it has. Without a directory only the page is written.
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { catalogue, type CatalogueEntry, type Surface } from "../src/domain/errors/catalogue.ts"
import { type Example, type Examples, examplesIn, type Seen } from "./errors-page/Examples.ts"

const page = new URL("../docs/errors.md", import.meta.url)
const examplesFile = new URL("../docs/errors.examples.json", import.meta.url)

const advice = {
  retry: "Send the request again.",
  after: "Send the request again after the time in `Retry-After`.",
  fix: "Correct the request before sending it again.",
  no: "Sending the request again does not help by itself."
} as const satisfies Record<CatalogueEntry["retry"], string>

const places = {
  response: "as the answer's status and body",
  event: "as an `error` event of a stream",
  prompt: "in the agent's system prompt",
  log: "in the log only"
} as const satisfies Record<Surface, string>

const levels = {
  info: "info",
  warning: "warning",
  error: "error",
  critical: "critical: somebody should look now"
} as const satisfies Record<CatalogueEntry["severity"], string>

const introduction = `# Errors

Every failure has an \`error_id\`. It stands in the answer, in the log line and in the metric
\`api_errors_total{error_code="…"}\`, so that one search finds all three; the \`request_id\` of the answer finds the
one log line.

A failed request is answered with \`application/problem+json\` (RFC 9457). Its member \`error\` is the part to program
against: \`code\` says what kind of failure it is, \`details\` holds its data, and \`retry\` says what to do:

| retry | what to do |
|---|---|
${Object.entries(advice)
  .map(([retry, meaning]) => `| \`${retry}\` | ${meaning} |`)
  .join("\n")}

On a stream the same object is the data of an \`error\` event; one with \`fatal: true\` ends the run and is followed
by \`done\`. The single answer of a run that failed has the status below, and in \`details.result\` what the agent had
done and spent until then.

This page is written by \`node scripts/errors-page.ts\` from \`src/domain/errors/catalogue.ts\`. The examples are what
tests were shown, with other ids, times, hosts, paths and costs.
`

const captions = {
  response: "An answer:",
  event: "The data of an `error` event:",
  frame: "A frame of a WebSocket:",
  log: "A line of the log:"
} as const satisfies Record<Seen, string>

const illustration = ({ seen, shown }: Example): ReadonlyArray<string> => [
  "",
  captions[seen],
  "",
  "```json",
  JSON.stringify(shown, null, 2),
  "```"
]

const section = (tag: string, entry: CatalogueEntry, example: Example | undefined): string =>
  [
    `## ${entry.error_id}`,
    "",
    entry.cause,
    "",
    "| | |",
    "|---|---|",
    `| code | \`${entry.code}\` |`,
    `| status | ${entry.status} |`,
    `| class | \`${tag}\` |`,
    `| seen | ${entry.shows.map((surface) => places[surface]).join("; ")} |`,
    `| logged as | ${levels[entry.severity]} |`,
    `| retry | \`${entry.retry}\`: ${advice[entry.retry]} |`,
    "",
    `**What to do:** ${entry.remedy}`,
    ...(example === undefined ? [] : illustration(example))
  ].join("\n")

const summary = (entries: ReadonlyArray<readonly [string, CatalogueEntry]>): string =>
  [
    "| error_id | code | status | cause |",
    "|---|---|---|---|",
    ...entries.map(
      ([, { cause, code, error_id, status }]) =>
        `| [${error_id}](#${error_id.toLowerCase()}) | ${code} | ${status} | ${cause} |`
    )
  ].join("\n")

/** The page, from the catalogue as it is. */
export const errorsPage = (examples: Examples): string => {
  const entries = Object.entries<CatalogueEntry>(catalogue)
  return [
    introduction,
    summary(entries),
    "",
    entries.map(([tag, entry]) => section(tag, entry, examples[entry.error_id])).join("\n\n"),
    ""
  ].join("\n")
}

/** The examples that are kept. */
export const readExamples = (): Examples => JSON.parse(readFileSync(examplesFile, "utf8"))

const keepExamples = (found: Examples): void => {
  const sorted = Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(examplesFile, `${JSON.stringify(sorted, null, 2)}\n`)
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { replace: { type: "boolean" } } })
  const [directory] = positionals
  if (directory !== undefined) {
    const [known, found] = [readExamples(), examplesIn(directory)]
    keepExamples(values.replace === true ? { ...known, ...found } : { ...found, ...known })
  }
  writeFileSync(page, errorsPage(readExamples()))
}
