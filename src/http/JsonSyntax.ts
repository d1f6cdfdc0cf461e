/** A place in a text, counted from 1. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

const whitespace = /[ \t\n\r]*/y
const string = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)\b/y

const endOf = (pattern: RegExp, text: string, index: number): number | undefined => {
  pattern.lastIndex = index
  return pattern.test(text) ? pattern.lastIndex : undefined
}

type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end"

/** Where a text stops being JSON, as an index; undefined if it is JSON. */
const errorIndex = (text: string): number | undefined => {
  const open: Array<"{" | "["> = []
  let expected: Expected = "value"
  let index = 0
  for (;;) {
    index = endOf(whitespace, text, index) ?? index
    const character = text[index]
    switch (expected) {
      case "key":
      case "key or }": {
        if (character === "}" && expected === "key or }") {
          open.pop()
          expected = ", or end"
          index++
          break
        }
        const end = endOf(string, text, index)
        if (end === undefined) return index
        index = end
        expected = ":"
        break
      }
      case ":":
        if (character !== ":") return index
        index++
        expected = "value"
        break
      case ", or end": {
        const container = open.at(-1)
        if (container === undefined) return index === text.length ? undefined : index
        if (character === ",") expected = container === "{" ? "key" : "value"
        else if (character === (container === "{" ? "}" : "]")) open.pop()
        else return index
        index++
        break
      }
      case "value":
      case "value or ]": {
        if (character === "{" || character === "[") {
          open.push(character)
          expected = character === "{" ? "key or }" : "value or ]"
          index++
          break
        }
        if (character === "]" && expected === "value or ]") {
          open.pop()
          expected = ", or end"
          index++
          break
        }
        const end: number | undefined = endOf(string, text, index) ?? endOf(scalar, text, index)
        if (end === undefined) return index
        index = end
        expected = ", or end"
      }
    }
  }
}

/**
 * Where a text stops being JSON; undefined if it is JSON. The runtime's own message tells the
 * place only sometimes, and quotes what the client sent.
 */
export const jsonErrorPosition = (text: string): TextPosition | undefined => {
  const index = errorIndex(text)
  if (index === undefined) return undefined
  const before = text.slice(0, index)
  const lineStart = before.lastIndexOf("\n") + 1
  return { line: before.split("\n").length, column: index - lineStart + 1 }
}
