import { applyPatch, parsePatch, reversePatch } from "diff"
import { Effect } from "effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { isText, makePatch, type Patch } from "../../src/agent/Patch.ts"
import { openPatchThread } from "../../src/agent/PatchThreads.ts"

const limits = { edits: 2000, milliseconds: 60_000 }

const version = (text: string) => ({ mode: "100644", text }) as const

const compare = (before: string, now: string, edits = limits.edits, milliseconds = limits.milliseconds) =>
  makePatch({ path: "a file", before: version(before), now: version(now), edits, milliseconds })

const apply = (before: string, { text }: Patch) =>
  text === null ? before : applyPatch(before, text, { autoConvertLineEndings: false })

/** Few different lines, so that there is much to confuse them with; every kind of end. */
const line = fc.oneof(fc.constantFrom("a", "b", "", " ", "-- x", "++ y", "@@ -1 +1 @@", "\\ No newline"), fc.string())
const text = fc
  .tuple(fc.array(fc.tuple(line, fc.constantFrom("\n", "\n", "\r\n"))), fc.oneof(fc.constant(""), line))
  .map(([lines, last]) => lines.map((pair) => pair.join("")).join("") + last)

/** Two versions of a text, of which the second mostly has lines of the first. */
const versions = fc.oneof(
  fc.tuple(text, text),
  fc.tuple(text, text, fc.nat(), fc.nat()).map(([all, inserted, one, other]) => {
    const [from = 0, to = 0] = [one % (all.length + 1), other % (all.length + 1)].toSorted((a, b) => a - b)
    return [all, all.slice(0, from) + inserted + all.slice(to)] as [string, string]
  })
)

describe("a patch", () => {
  it("makes the text of now out of the text before, and the other way round, however far it was looked for", () => {
    fc.assert(
      fc.property(versions, fc.constantFrom(0, 1, 5, 2000), fc.constantFrom(0, 60_000), (pair, edits, milliseconds) => {
        const [before, now] = pair
        const patch = compare(before, now, edits, milliseconds)
        assert.strictEqual(apply(before, patch), now)
        if (patch.text === null) return assert.strictEqual(before, now)
        const parsed = parsePatch(patch.text)
        assert.lengthOf(parsed, 1)
        const back = parsed.map((one) => applyPatch(now, reversePatch(one), { autoConvertLineEndings: false }))
        assert.deepEqual(back, [before])
        const marks = parsed.flatMap(({ hunks }) => hunks).flatMap(({ lines }) => lines.map((marked) => marked[0]))
        assert.deepEqual(
          [patch.additions, patch.deletions],
          [marks.filter((mark) => mark === "+").length, marks.filter((mark) => mark === "-").length]
        )
      }),
      { numRuns: 2000 }
    )
  })

  it("is as short as it can be, or says that it is not", () => {
    const lines = Array.from({ length: 4000 }, (_, number) => `line ${number}\n`)
    const some = lines.map((line, number) => (number % 1000 === 500 ? "else\n" : line))
    const few = compare(lines.join(""), some.join(""))
    assert.deepEqual([few.additions, few.deletions, few.coarse], [4, 4, false])
    const most = lines.map((line, number) => (number % 2 === 0 ? "else\n" : line))
    const many = compare(lines.join(""), most.join(""))
    assert.deepEqual([many.additions, many.deletions, many.coarse], [3999, 3999, true])
    assert.strictEqual(apply(lines.join(""), many), most.join(""))
    const late = compare(lines.join(""), some.join(""), 2000, 0)
    assert.deepEqual([late.additions, late.deletions, late.coarse], [3001, 3001, true])
    // Nothing has to be looked for where lines were only added or only removed.
    const longer = compare(lines.slice(0, 10).join(""), lines.join(""), 2000, 0)
    assert.deepEqual([longer.additions, longer.deletions, longer.coarse], [3990, 0, false])
  })

  it("is of text, which is UTF-8 without NUL", () => {
    const texts = ["", "a", "ä☃\u{1f600}", "\ufeffa", "\u0001\u001b", "\ud7ff"].map((text) => Buffer.from(text))
    assert.isTrue(texts.every(isText))
    const others = ["00", "6100", "e4", "c080", "eda080", "f4908080", "61e298"].map((hex) => Buffer.from(hex, "hex"))
    assert.isFalse(others.some(isText))
  })

  it("comes from a thread, and what breaks the thread is told to who asks", () =>
    Effect.gen(function* () {
      const ask = yield* openPatchThread
      const comparison = { path: "a", before: version("x\n"), now: version("y\n"), ...limits }
      for (const _ of [1, 2]) assert.deepEqual(yield* ask(comparison), makePatch(comparison))
      const impossible = { ...comparison }
      Reflect.set(impossible, "before", { mode: "100644", text: 5 })
      for (const wrong of [impossible, comparison]) {
        const failure = yield* Effect.flip(ask(wrong))
        assert.strictEqual(failure._tag, "PatchThreadEnded")
        assert.instanceOf(failure.cause, TypeError)
      }
    }).pipe(Effect.scoped, Effect.runPromise))
})
