import { styleText } from "node:util"
import type { RunFrame } from "../../src/api/RunStream.ts"
import type { ContentBlock } from "../../src/domain/ContentBlock.ts"
import type { ResultData } from "../../src/domain/RunEvent.ts"

type Style = Parameters<typeof styleText>[0]

/** Colours and weights in a terminal that has them, plain text elsewhere. */
export const styled = (style: Style, text: string) => styleText(style, text, { stream: process.stdout })

export const print = (text = "") => void process.stdout.write(`${text}\n`)

/** A chapter of the demo, and the request that it is about. */
export const heading = (title: string, request: string) =>
  print(`\n${styled("bold", title)}\n${styled("dim", request)}\n`)

export const note = (...lines: ReadonlyArray<string>) => print(lines.join("\n"))

/** One fact, in line with the events. */
export const field = (name: string, value: string) => print(`${" ".repeat(7)}${name.padEnd(12)}${value}`)

const width = 96
const indent = " ".repeat(19)

const shorten = (text: string) => (text.length > width ? `${text.slice(0, width - 1)}…` : text)

const hang = (text: string) => text.replaceAll("\n", `\n${indent}`)

const start = (id: string | undefined, name: string, style: Style) =>
  `${styled("dim", (id ?? "").padStart(5))}  ${styled(style, name.padEnd(12))}`

/** A block's text field, which the wire leaves open. */
const textOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? value.map((part: unknown) => textOf(part)).join("\n")
      : typeof value === "object" && value !== null && "text" in value
        ? textOf(value.text)
        : ""

const argumentsOf = (block: ContentBlock) =>
  Object.entries(block["input"] ?? {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(" ")

export const dollars = (amount: number | null) => (amount === null ? "unknown cost" : `$${amount.toFixed(4)}`)

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

const summary = ({ duration_ms, num_turns, total_cost_usd }: ResultData) =>
  [
    num_turns === null ? "unknown turns" : counted(num_turns, "turn"),
    dollars(total_cost_usd),
    `${(duration_ms / 1000).toFixed(1)} s`
  ].join(", ")

/** Writes a run's events for a person: text while it is being written, the rest a line each. */
export class Screen {
  #writing = false

  show(frame: RunFrame): void {
    const line = (name: string, style: Style, text: string) => print(start(frame.id, name, style) + hang(text))
    switch (frame.event) {
      case "partial":
        return this.#type(frame.id, frame.data.delta?.type === "text_delta" ? textOf(frame.data.delta) : "")
      case "init": {
        const { model, permission_mode, session_id, tools } = frame.data
        return line("init", "cyan", `session ${session_id}, ${model}, ${permission_mode}, ${tools.length} tools`)
      }
      case "message": {
        const typed = this.#end()
        for (const block of frame.data.content) {
          if (block.type === "tool_use") {
            line("tool", "yellow", shorten(`${textOf(block["name"])}  ${argumentsOf(block)}`))
          } else if (block.type === "tool_result") {
            line("→ result", "yellow", textOf(block["content"]).trimEnd().split("\n").map(shorten).join("\n"))
          } else if (block.type === "text" && !typed) {
            line(frame.data.type, "green", textOf(block))
          }
        }
        return
      }
      case "result":
        return line("result", "cyan", summary(frame.data))
      case "error":
        return line("error", "red", `${frame.data.error_id}: ${frame.data.message}`)
      case "done":
        return line("done", "cyan", frame.data.reason)
      default:
        return line(frame.event, "cyan", shorten(JSON.stringify(frame.data)))
    }
  }

  #type(id: string | undefined, text: string) {
    if (text === "") return
    if (!this.#writing) process.stdout.write(start(id, "assistant", "green"))
    this.#writing = true
    process.stdout.write(hang(text))
  }

  /** Whether text was being written until now. */
  #end(): boolean {
    const typed = this.#writing
    if (typed) print()
    this.#writing = false
    return typed
  }
}
