import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as fc from "fast-check"
import { Sequence } from "../../src/domain/Run.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { messagePosition, messagesEnd, pageEnd, pagePosition } from "../../src/http/Cursors.ts"
import { jsonErrorPosition } from "../../src/http/JsonSyntax.ts"

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

it("finds an error in what the runtime does not parse, and in nothing else", () => {
  const damaged = fc
    .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.string({ maxLength: 2 }), fc.nat(2))
    .map(([text, at, put, cut]) => {
      const index = at % (text.length + 1)
      return text.slice(0, index) + put + text.slice(index + cut)
    })
  fc.assert(
    fc.property(fc.oneof(fc.json(), damaged, fc.string()), (text) => {
      assert.strictEqual(jsonErrorPosition(text) === undefined, isJson(text), JSON.stringify(text))
    }),
    { numRuns: 3000 }
  )
})

it("names the line and the column", () => {
  const cases: ReadonlyArray<readonly [string, number, number]> = [
    ["", 1, 1],
    ["{", 1, 2],
    ['{"a":1,}', 1, 8],
    ["[1,\n 2,\n x]", 3, 2],
    ['{"a" 1}', 1, 6],
    ["[1] 2", 1, 5],
    ["01", 1, 1],
    ['["a\nb"]', 1, 2],
    ["nul", 1, 1]
  ]
  for (const [text, line, column] of cases) assert.deepStrictEqual(jsonErrorPosition(text), { line, column }, text)
})

const uuid = fc.uuid({ version: [1, 4, 7] })

it("reads the cursors that it writes", () => {
  const moment = fc
    .date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((date) => `${date.toISOString().slice(0, 19).replace("T", " ")}.123456+00`)
  fc.assert(
    fc.property(moment, uuid, fc.nat(), (created_at, id, seq) => {
      const page = Effect.runSync(pagePosition(pageEnd({ created_at, id }).next_cursor ?? undefined))
      assert.deepStrictEqual(page, { created_at, id })
      const position = { session_id: SessionId.make(id), seq: Sequence.make(seq) }
      assert.deepStrictEqual(Effect.runSync(messagePosition(messagesEnd(position).next_cursor ?? undefined)), position)
    })
  )
})

it("refuses any other cursor", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map(btoaOf)), (cursor) => {
      for (const read of [Effect.asVoid(pagePosition(cursor)), Effect.asVoid(messagePosition(cursor))]) {
        assert.strictEqual(Effect.runSync(Effect.flip(read))._tag, "ValidationFailed")
      }
    })
  )
})

function btoaOf(text: string): string {
  return Schema.encodeSync(Schema.StringFromBase64Url)(text)
}
