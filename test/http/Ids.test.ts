// A unit test of the boundary alone: every route of the API that takes an id refuses a malformed one.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { json, problemOf, testServer, TestServer } from "./TestServer.ts"

const routes: Array<{ readonly method: string; readonly path: string }> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint: { method, path } }) => {
    if (path.includes(":id")) routes.push({ method, path })
  }
})

const malformed = [
  "xyz",
  "01890000-0000-7000-8000-00000000000",
  "01890000-0000-7000-8000-00000000000g",
  "1;drop",
  "%00"
]

layer(testServer(), { excludeTestServices: true })("ids", (it) => {
  it.effect("are in as many routes as the API has", () => Effect.sync(() => assert.isAtLeast(routes.length, 10)))

  for (const { method, path } of routes) {
    it.effect(`${method} ${path} refuses a malformed one`, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        for (const id of malformed) {
          const { body, headers } = json({ prompt: "a", tags: [] }, "key-all")
          const answer = yield* server.request(path.replace(":id", id), {
            method,
            headers: headers ?? {},
            ...(method === "GET" || method === "DELETE" ? {} : { body: body ?? null })
          })
          assert.strictEqual(answer.status, 422, `${id}: ${answer.text}`)
          assert.match(problemOf(answer).detail, /^params\.id: Expected a UUID/)
        }
      })
    )
  }
})
