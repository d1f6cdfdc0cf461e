import { assert, it } from "@effect/vitest"
import { OpenApi } from "effect/http-api"
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Api } from "../../src/api/Api.ts"

const spec = OpenApi.fromApi(Api)

it("is clean under redocly's recommended rules", async () => {
  const directory = await mkdtemp(join(tmpdir(), "openapi-"))
  const file = join(directory, "openapi.json")
  await writeFile(file, JSON.stringify(spec))
  const { code, output } = await new Promise<{ readonly code: unknown; readonly output: string }>((resolve) =>
    execFile(
      join("node_modules", ".bin", "redocly"),
      // The endpoint that becomes a WebSocket answers 101; all others are looked at below.
      ["lint", file, "--skip-rule", "operation-2xx-response"],
      { env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" } },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr })
    )
  )
  await rm(directory, { recursive: true })
  assert.strictEqual(code, 0, output)
  assert.notMatch(output, /[1-9]\d* (warning|error)/)
})

it("says for every operation how it succeeds", () => {
  for (const [path, operations] of Object.entries(spec.paths)) {
    for (const { responses } of Object.values(operations as Record<string, OpenApi.OpenAPISpecOperation>)) {
      const good = Object.keys(responses).filter((status) => Number(status) < 300)
      if (path === "/api/v1/query/ws") assert.deepStrictEqual(good, ["101"])
      else assert.isTrue(good.length > 0 && good.every((status) => status.startsWith("2")), path)
    }
  }
})

it("asks for a key wherever the service does, in both forms", () => {
  for (const [path, operations] of Object.entries(spec.paths)) {
    for (const operation of Object.values(operations as Record<string, OpenApi.OpenAPISpecOperation>)) {
      const isPublic = /^(\/health|\/api\/v1\/health)/.test(path)
      assert.deepStrictEqual(operation.security, isPublic ? [] : [{ apiKey: [] }, { bearer: [] }], path)
      assert.isString(operation.summary)
    }
  }
})

it("holds each body once, and nothing of Effect's own stream protocol", () => {
  const names = Object.keys(spec.components.schemas)
  assert.deepStrictEqual(
    names.filter((name) => /_\d+$|Encoded$/.test(name)),
    []
  )
  assert.notInclude(JSON.stringify(spec), "x-effect-stream")
})

it("lets answers grow and requests not", () => {
  const { schemas } = spec.components
  assert.strictEqual(schemas["QueryRequest"]?.["additionalProperties"], false)
  assert.isUndefined(schemas["Session"]?.["additionalProperties"])
})
