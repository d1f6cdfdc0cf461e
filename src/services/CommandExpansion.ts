import { Option } from "effect"
import type { NamedText } from "../domain/AgentEquipment.ts"

/** Whether a prompt may be a slash command. */
export const isCommand = (prompt: string): boolean => /^\s*\/[A-Za-z0-9]/.test(prompt)

const invocation = /^\s*\/([A-Za-z0-9][A-Za-z0-9_-]{0,99})(?:\s+([\s\S]*))?$/

const placeholder = /\$(ARGUMENTS\b|[1-9])/g

/** Words, where quotes hold several together. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? "")

/** What a prompt stands for. A few characters can ask for very many: its length is known before it is made. */
export interface Expansion {
  readonly length: number
  readonly text: () => string
}

/**
 * What a prompt such as `/name one "two words"` stands for: the command's content with `$ARGUMENTS` replaced by all
 * that follows the name, and `$1` to `$9` by single words of it; content without any of them is followed by the
 * arguments. None for a prompt that is none of these commands.
 */
export const expandCommand = (prompt: string, commands: ReadonlyArray<NamedText>): Option.Option<Expansion> => {
  const [, name, given = ""] = invocation.exec(prompt) ?? []
  const command = commands.find((one) => one.name === name)
  if (command === undefined) return Option.none()
  const all = given.trim()
  const words = wordsOf(all)
  const holes = [...command.content.matchAll(placeholder)]
  const content = holes.length > 0 || all === "" ? command.content : `${command.content}\n\nARGUMENTS: ${all}`
  const valueOf = (key: string) => (key === "ARGUMENTS" ? all : (words[Number(key) - 1] ?? ""))
  return Option.some({
    length: holes.reduce((sum, [hole, key = ""]) => sum + valueOf(key).length - hole.length, content.length),
    // What was given is not looked at again.
    text: () => (holes.length === 0 ? content : content.replaceAll(placeholder, (_, key: string) => valueOf(key)))
  })
}
