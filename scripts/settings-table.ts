// Writes the table of settings in README.md from src/Configuration.ts.
// Usage: node scripts/settings-table.ts
import { readFileSync, writeFileSync } from "node:fs"
import { settings } from "../src/Configuration.ts"

const readme = new URL("../README.md", import.meta.url)
const begin = "<!-- settings: written by scripts/settings-table.ts -->"
const end = "<!-- end of settings -->"

const cell = (text: string) => text.replaceAll("|", "\\|") || "–"

/** The table as it stands in the README. */
export const settingsTable = (): string =>
  [
    "| setting | default | must be | meaning |",
    "|---|---|---|---|",
    ...Object.values(settings).map(
      ({ expected, fallback, meaning, name }) =>
        `| \`${name}\` | ${cell(fallback)} | ${cell(expected)} | ${cell(meaning)} |`
    )
  ].join("\n")

/** The README with the table between its two markers renewed. */
export const withSettings = (text: string): string => {
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${begin} or ${end}`)
  return `${before}${begin}\n\n${settingsTable()}\n\n${end}${after}`
}

if (import.meta.main) writeFileSync(readme, withSettings(readFileSync(readme, "utf8")))
