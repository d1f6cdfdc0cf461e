import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import { at, listAt, textAt } from "./Json.ts"
import { operatorKey, type RequestOptions } from "./Service.ts"
import { useService } from "./UseService.ts"

/** Something that a tenant keeps under a name. */
interface Kind {
  readonly path: string
  /** The name of its list. */
  readonly list: string
  /** Its error_id begins with it. */
  readonly error: string
  /** A body that makes one. */
  readonly body: Readonly<Record<string, unknown>>
  /** A change to it, and how it is asked for. */
  readonly change: readonly [method: string, body: Readonly<Record<string, unknown>>]
  /** How many of them a tenant may have. */
  readonly most: number
  /** SQL that leaves a row as no Causeway would have written it. */
  readonly spoil: string
}

const kinds: ReadonlyArray<Kind> = [
  {
    path: "/tool-presets",
    list: "presets",
    error: "TOOL_PRESET",
    most: 1000,
    body: { allowed_tools: ["Read"] },
    change: ["PUT", { description: "changed" }],
    spoil: "UPDATE tool_presets SET allowed_tools = ARRAY[NULL]::text[] WHERE name = $1"
  },
  {
    path: "/agents",
    list: "agents",
    error: "AGENT",
    most: 1000,
    body: { description: "Knows figs", prompt: "You are a gardener." },
    change: ["PUT", { prompt: "You are a botanist." }],
    spoil: "UPDATE agents SET definition = '{}' WHERE name = $1"
  },
  {
    path: "/skills",
    list: "skills",
    error: "SKILL",
    most: 100,
    body: { description: "How to prune", content: "Prune in winter." },
    change: ["PUT", { content: "Prune in spring.", enabled: false }],
    spoil: "UPDATE skills SET updated_at = 'infinity' WHERE name = $1"
  },
  {
    path: "/slash-commands",
    list: "commands",
    error: "SLASH_COMMAND",
    most: 100,
    body: { description: "Waters plants", content: "Water $1." },
    change: ["PUT", { content: "Water $2.", enabled: false }],
    spoil: "UPDATE slash_commands SET updated_at = 'infinity' WHERE name = $1"
  },
  {
    path: "/projects",
    list: "projects",
    error: "PROJECT",
    most: 1000,
    body: { metadata: { colour: "red" } },
    change: ["PATCH", { metadata: { colour: "green" } }],
    spoil: "UPDATE projects SET metadata = '5' WHERE name = $1"
  }
]

const setting = useService({ env: { MAX_BODY_BYTES: "1000000" } })

const ask = (method: string, path: string, options: RequestOptions = {}) =>
  setting().service.request(method, `/api/v1${path}`, options)

let stranger: string

beforeAll(async () => {
  const { body } = await ask("POST", "/tenants", { key: operatorKey, body: { name: "strangers" } })
  stranger = textAt(body, "api_key.key")
})

const namesIn = (body: unknown, list: string) => listAt(body, list).map((item) => textAt(item, "name"))

for (const { body, change, error, list, most, path, spoil } of kinds) {
  describe(`what is kept at ${path}`, () => {
    const make = async (name: string, key?: string) => {
      const answer = await ask("POST", path, { body: { name, ...body }, ...(key === undefined ? {} : { key }) })
      assert.strictEqual(answer.status, 201, answer.text)
      return answer.body
    }

    it("are made, read, listed by pages, changed and deleted", async () => {
      const [one, two] = [await make("one"), await make("two")]
      const id = textAt(one, "id")
      assert.deepEqual((await ask("GET", `${path}/${id}`)).body, one)
      const first = await ask("GET", `${path}?page_size=1`)
      assert.deepEqual(namesIn(first.body, list), ["two"])
      assert.isTrue(at(first.body, "has_more"))
      const next = await ask("GET", `${path}?page_size=1&cursor=${textAt(first.body, "next_cursor")}`)
      assert.deepEqual(namesIn(next.body, list), ["one"])
      assert.isNull(at(next.body, "next_cursor"))

      const [method, changed] = change
      const whole = method === "PUT" ? { ...body, ...changed, name: "renamed", id } : { ...changed, name: "renamed" }
      const update = await ask(method, `${path}/${id}`, { body: whole })
      assert.strictEqual(update.status, 200, update.text)
      assert.deepInclude(update.body, { ...changed, name: "renamed", created_at: at(one, "created_at") })
      assert.isAbove(Date.parse(textAt(update.body, "updated_at")), Date.parse(textAt(one, "updated_at")))
      assert.deepEqual((await ask("GET", `${path}/${id}`)).body, update.body)
      const taken = await ask(method, `${path}/${id}`, { body: { ...whole, name: "two" } })
      assert.strictEqual(taken.status, 409)
      if (method === "PUT") {
        const other = await ask(method, `${path}/${id}`, { body: { ...whole, id: textAt(two, "id") } })
        assert.deepEqual([other.status, at(other.body, "error.details.issues.0.path")], [422, "body.id"])
      }
      assert.strictEqual((await ask("DELETE", `${path}/${id}`)).status, 204)
      for (const again of ["GET", "DELETE"]) {
        const { body: problem, status } = await ask(again, `${path}/${id}`)
        assert.deepEqual([status, at(problem, "error.error_id")], [404, `ERR_${error}_NOT_FOUND`])
        assert.strictEqual(at(problem, "error.code"), `${error}_NOT_FOUND`)
      }
      assert.deepEqual(namesIn((await ask("GET", path)).body, list), ["two"])
      await ask("DELETE", `${path}/${textAt(two, "id")}`)
    })

    it("another tenant's do not exist, and their names are free", async () => {
      const mine = await make("mine")
      const id = textAt(mine, "id")
      const [method, changed] = change
      const whole = method === "PUT" ? { ...body, ...changed, name: "theirs" } : changed
      for (const [verb, options] of [
        ["GET", {}],
        [method, { body: whole }],
        ["DELETE", {}]
      ] as const) {
        const answer = await ask(verb, `${path}/${id}`, { ...options, key: stranger })
        assert.deepEqual([answer.status, at(answer.body, "error.error_id")], [404, `ERR_${error}_NOT_FOUND`])
      }
      assert.deepEqual(at((await ask("GET", path, { key: stranger })).body, list), [])
      await make("mine", stranger)
      assert.deepEqual((await ask("GET", `${path}/${id}`)).body, mine)
    })

    it("have a name of their own", async () => {
      await make("taken")
      const again = await ask("POST", path, { body: { ...body, name: "taken" } })
      assert.strictEqual(again.status, 409)
      assert.include(["ALREADY_EXISTS", `${error}_EXISTS`], at(again.body, "error.code"))
      const together = await Promise.all(
        Array.from({ length: 5 }, () => ask("POST", path, { body: { ...body, name: "at-once" } }))
      )
      assert.deepEqual(together.map(({ status }) => status).toSorted(), [201, 409, 409, 409, 409])
    })

    it("are as many as a tenant may have", async () => {
      const table = path.slice(1).replaceAll("-", "_")
      await make("copied")
      const copy = `jsonb_populate_record(kept, jsonb_build_object('id', gen_random_uuid(), 'name', 'copy-' || n, 'path', 'copy-' || n))`
      await rowsOf(
        setting().database,
        `INSERT INTO ${table} SELECT copy.* FROM ${table} kept, generate_series(1, $1) n, ${copy} copy WHERE kept.name = 'copied'`,
        [most]
      )
      const more = await ask("POST", path, { body: { ...body, name: "more" } })
      assert.deepEqual([more.status, at(more.body, "error.error_id")], [409, "ERR_RESOURCE_LIMIT_REACHED"], more.text)
      assert.strictEqual(at(more.body, "error.details.limit"), most)
      await rowsOf(setting().database, `DELETE FROM ${table} WHERE name LIKE 'cop%'`)
      await make("more")
    })

    it("are not made of what does not fit", async () => {
      const before = namesIn((await ask("GET", path)).body, list)
      const id = "01890000-0000-7000-8000-000000000001"
      for (const name of ["a b", "a:b", "a/b", "..", "", "-a", "a\u0007", "é", id, "x".repeat(10_000)]) {
        const answer = await ask("POST", path, { body: { ...body, name } })
        assert.deepEqual(
          [answer.status, at(answer.body, "error.details.issues.0.path")],
          [422, "body.name"],
          answer.text
        )
      }
      for (const field of ["description", "prompt", "content"].filter((one) => one in body)) {
        const blank = await ask("POST", path, { body: { ...body, name: "fine", [field]: " \n" } })
        assert.deepEqual([blank.status, at(blank.body, "error.details.issues.0.path")], [422, `body.${field}`])
      }
      const unknown = await ask("POST", path, { body: { ...body, name: "fine", colour: "red" } })
      assert.deepEqual([unknown.status, at(unknown.body, "error.details.issues.0.path")], [422, "body.colour"])
      const large = await ask("POST", path, { body: { ...body, name: "x".repeat(1_000_001) } })
      assert.deepEqual([large.status, at(large.body, "error.error_id")], [413, "ERR_PAYLOAD_TOO_LARGE"])
      assert.deepEqual(namesIn((await ask("GET", path)).body, list), before)
    })

    it("one that cannot be read any more is left out of the list, and deleted like others", async () => {
      const spoilt = textAt(await make("spoilt"), "id")
      await rowsOf(setting().database, spoil, ["spoilt"])
      const listed = await ask("GET", path)
      assert.strictEqual(listed.status, 200)
      assert.notInclude(namesIn(listed.body, list), "spoilt")
      assert.include(namesIn(listed.body, list), "taken")
      const read = await ask("GET", `${path}/${spoilt}`)
      assert.deepEqual([read.status, at(read.body, "error.error_id")], [500, "ERR_SESSION_RETRIEVAL_FAILED"])
      assert.strictEqual((await ask("DELETE", `${path}/${spoilt}`)).status, 204)
    })
  })
}
