import { assert, describe, it } from "vitest"
import { readFileSync } from "node:fs"
import { errorsPage, readExamples } from "../../scripts/errors-page.ts"
import { catalogue } from "../../src/domain/errors/catalogue.ts"

describe("docs/errors.md", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8")

  it("is what the catalogue says now", () => {
    assert.strictEqual(page, errorsPage(readExamples()))
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
