import { cpus, loadavg, totalmem } from "node:os"

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Says where and when the figures were measured. */
export const reportMachine = (): void => {
  const processors = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  say(`${processors[0]?.model ?? "unknown CPU"}, ${processors.length} cores, ${memory} GB`)
  say(`Node ${process.version}, ${process.platform}-${process.arch}, ${new Date().toISOString().slice(0, 10)}`)
}

export const reportTitle = (title: string): void => say(`\n${title}\n`)

/** Says how many processes, these included, wanted the CPU in the last minute: figures of a busy machine are rough. */
export const reportLoad = (): void => say(`\nLoad of the machine: ${loadavg()[0]?.toFixed(1) ?? "unknown"}`)

export const reportNote = (note: string): void => say(`\n${note}`)

/** Says what is going on, to those who wait, and not in the report. */
export const progress = (line: string): void => void process.stderr.write(`  … ${line}\n`)

/** A table that is readable as it is and as Markdown. */
export const reportTable = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): void => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`
  say(line(head))
  say(
    `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`
  )
  for (const row of rows) say(line(row))
}

export const millis = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`
export const micros = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} µs`
export const count = (value: number): string => Math.round(value).toLocaleString("en-US")
export const percent = (value: number): string => `${(value * 100).toFixed(0)} %`
