import { globSync, readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { errorsPage, readExamples } from "../../scripts/errors-page.ts"
import { calm } from "../../scripts/errors-page/Calm.ts"
import { isInPlace } from "../../scripts/errors-page/Examples.ts"
import { catalogue } from "../../src/domain/errors/catalogue.ts"

/** Failures that something in `src` can make: the others belong to what is not there yet. */
const isMade = () => {
  const sources = globSync("src/**/*.ts", { cwd: new URL("../..", import.meta.url) })
    .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"))
    .join("\n")
  return (tag: string) => new RegExp(`new (\\w+\\.)?${tag}\\(`).test(sources)
}

/** Failures of parts that nothing uses yet. It may only become shorter. */
const unused: ReadonlyArray<string> = []

describe("docs/errors.md", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8")

  it("is what the catalogue says now", () => {
    assert.strictEqual(page, errorsPage(readExamples()))
  })

  it("has an example of every failure that can happen (ERROR_EXAMPLES=DIR vitest run; node scripts/errors-page.ts DIR)", () => {
    const made = isMade()
    const shown = readExamples()
    const without = Object.entries(catalogue).filter(([, { error_id }]) => shown[error_id] === undefined)
    assert.deepStrictEqual(
      without.map(([tag]) => tag).filter((tag) => made(tag)),
      unused
    )
  })

  it("shows failures where they are seen, and nothing of the machine on which they were", () => {
    for (const [errorId, example] of Object.entries(readExamples())) {
      assert.isTrue(isInPlace(errorId, example), errorId)
      assert.deepStrictEqual(calm(example.shown), example.shown, errorId)
    }
    assert.notMatch(page, /\/tmp\/|\/root\/|\/home\/|127\.0\.0\.1|-of-the-tests|<script>/)
  })

  it("keeps examples of failures that exist only", () => {
    const known = new Set<string>(Object.values(catalogue).map(({ error_id }) => error_id))
    assert.deepStrictEqual(
      Object.keys(readExamples()).filter((id) => !known.has(id)),
      []
    )
  })
})

describe("the catalogue", () => {
  it("gives every failure an id of its own", () => {
    const ids = Object.values(catalogue).map(({ error_id }) => error_id)
    assert.deepStrictEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      []
    )
  })
})
