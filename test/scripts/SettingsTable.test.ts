import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { withSettings } from "../../scripts/settings-table.ts"
import { settings } from "../../src/Configuration.ts"

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")

const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = ""]) => name)

it("README shows the settings as they are: `node scripts/settings-table.ts` renews it", () => {
  const readme = read("README.md")
  assert.strictEqual(readme, withSettings(readme))
})

it(".env.example names only what the service or the compose file reads", () => {
  const known = new Set([
    ...Object.values(settings).map(({ name }) => name),
    ...namesIn(read("docker-compose.yml"), /\$\{(\w+)/g)
  ])
  const named = namesIn(read(".env.example"), /^#?([A-Z][A-Z0-9_]*)=/gm)
  assert.isNotEmpty(named)
  assert.deepStrictEqual(
    named.filter((name) => !known.has(name)),
    []
  )
})

it("the compose file passes on only settings that exist", () => {
  const service = read("docker-compose.yml").split("\n  postgres:\n")[0] ?? ""
  const passed = namesIn(service, /^ {6}([A-Z][A-Z0-9_]*):/gm)
  assert.isNotEmpty(passed)
  const known = new Set(Object.values(settings).map(({ name }) => name))
  assert.deepStrictEqual(
    passed.filter((name) => !known.has(name)),
    []
  )
})
