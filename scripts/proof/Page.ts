// docs/proof.md: the sections that the parts of the proof have left behind, with where and when they were made.
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, loadavg, release, totalmem } from "node:os"
import { join } from "node:path"
import type { Findings, ProofPart } from "./Part.ts"

/** What a part has found, when, where and of what. */
export interface Section extends Findings {
  readonly name: string
  readonly title: string
  readonly date: string
  readonly seconds: number
  readonly commit: string
  readonly machine: string
}

const root = join(import.meta.dirname, "../..")
const sections = join(root, ".cache/proof")
const page = join(root, "docs/proof.md")

/** A table of Markdown. */
export const table = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

/** Where and of what a section is. */
export const circumstances = () => ({
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
  machine: `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(0)} at the end`
})

/** Keeps a section until the part is run again. */
export const keepSection = (section: Section): void => {
  mkdirSync(sections, { recursive: true })
  writeFileSync(join(sections, `${section.name}.json`), JSON.stringify(section))
}

const timeOf = (seconds: number): string =>
  seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`

const verdictOf = ({ failures }: Section): string =>
  failures.length === 0 ? "as it must be" : `**${failures.length} not so**`

const body = ({ commands, commit, date, failures, machine, text, title }: Section): string =>
  [
    `## ${title}`,
    `On ${date}, at commit ${commit}: ${machine}.`,
    ["```sh", ...commands, "```"].join("\n"),
    failures.length === 0
      ? "Everything was as it must be."
      : ["**Not as it must be:**", ...failures.map((failure) => `- ${failure}`)].join("\n"),
    text
  ].join("\n\n")

/** Writes the page from all sections that are kept, in the order of the parts. */
export const writePage = (parts: ReadonlyArray<Pick<ProofPart, "name" | "title">>): void => {
  const names = parts.map(({ name }) => name)
  const kept = new Set(readdirSync(sections))
  const found = names
    .filter((name) => kept.has(`${name}.json`))
    .map((name): Section => JSON.parse(readFileSync(join(sections, `${name}.json`), "utf8")))
  const missing = parts.filter(({ name }) => !kept.has(`${name}.json`))
  const summary = table(
    ["part", "outcome", "took", "on"],
    [
      ...found.map((section) => [section.title, verdictOf(section), timeOf(section.seconds), section.date]),
      ...missing.map(({ title }) => [title, "**not run yet**", "", ""])
    ]
  )
  const introduction = `# Proof

\`npm run proof\` makes parts of a running Causeway fail for real, sends it requests that nobody sane would send, and writes this page of what it has seen; \`npm run proof -- ${names.join(" ")}\` names the parts, any of which may be left out: then its last section stays. It needs what \`npm test\` needs and nothing else. What every answer, event, line and row must be is in the tests that it runs.`
  writeFileSync(page, `${[introduction, summary, ...found.map(body)].join("\n\n")}\n`)
  execFileSync("npx", ["prettier", "--write", "--log-level", "warn", page], { cwd: root })
}
