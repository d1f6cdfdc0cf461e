import { assert, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** Runs the tool on a source tree of these files and gives back what it refused, line by line. */
const refusals = (files: Record<string, string>) => {
  const root = mkdtempSync(join(tmpdir(), "floors-"))
  try {
    for (const [path, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), source)
    }
    const { status, stderr } = spawnSync(process.execPath, ["scripts/check-floors.ts", root], { encoding: "utf8" })
    const lines = stderr.split("\n").filter((line) => line !== "")
    assert.strictEqual(status, lines.length === 0 ? 0 : 1, stderr)
    return lines
  } finally {
    rmSync(root, { recursive: true })
  }
}

it("lets imports go down, and sideways within a folder", () => {
  const files = {
    "src/main.ts": `import Redis from "ioredis"\nimport "./http/Server.ts"\nimport "./storage/Pg.ts"\nimport "node:fs"`,
    "src/client.ts": `import { Api } from "./api/Api.ts"\nimport { HttpApiClient } from "effect/http-api"`,
    "src/http/Runs.ts": `import { NodeHttpServer } from "@effect/platform-node"\nimport "./Server.ts"
import { Runs } from "../services/Runs.ts"\nimport { Api } from "../api/Api.ts"\nimport "../domain/Run.ts"`,
    "src/services/Runs.ts": `import { Effect } from "effect"\nimport { A } from "../storage/A.ts"
import "../cache/A.ts"\nimport "../agent/A.ts"\nimport "../outbound/A.ts"\nimport "../domain/Run.ts"`,
    "src/storage/migrations/A.ts": `import { PgClient } from "@effect/sql-pg"\nimport { join } from "node:path"
import { Pg } from "../Pg.ts"\nimport { Run } from "../../domain/Run.ts"`,
    "src/api/Api.ts": `import { HttpApi, HttpApiSchema } from "effect/http-api"\nimport { Run } from "../domain/Run.ts"`,
    "src/domain/errors/Run.ts": `import { Schema } from "effect"\nimport * as Option from "effect/Option"
import { Id } from "../Id.ts"\n// import "../../main.ts"\n// as in import("../../main.ts")`
  }
  assert.deepStrictEqual(refusals(files), [])
})

it("refuses an import that goes up, or sideways into another folder", () => {
  const folders = ["domain", "api", "storage", "cache", "agent", "outbound", "services", "http"]
  const allowed: Record<string, ReadonlyArray<string>> = {
    http: ["api", "services", "domain"],
    services: ["storage", "cache", "agent", "outbound", "domain"],
    storage: ["domain"],
    cache: ["domain"],
    agent: ["domain"],
    outbound: ["domain"],
    api: ["domain"]
  }
  const wrong = folders.flatMap((from) =>
    [...folders, "main.ts"]
      .filter((to) => to !== from && !allowed[from]?.includes(to))
      .map((to) => ({ from, to, specifier: to === "main.ts" ? "../main.ts" : `../${to}/A.ts` }))
  )
  for (const from of folders) {
    const here = wrong.filter((one) => one.from === from)
    assert.deepStrictEqual(
      refusals({ [`src/${from}/A.ts`]: here.map((one) => `import { A } from "${one.specifier}"\n`).join("") }),
      here.map((one, i) => `src/${from}/A.ts:${i + 1} imports ${one.specifier}: ${from} may not import ${one.to}`)
    )
  }
})

it("sees every form of import", () => {
  const source = `import type { A } from "../http/A.ts"
import {
  B,
  type C
} from "../http/B.ts"
import "../http/C.ts"
export * from "../http/D.ts"
export { E } from '../http/E.ts'
const f = () => import("../http/F.ts")
type G = import("../http/G.ts").G
const h = (name: string) => import(name)
`
  assert.deepStrictEqual(refusals({ "src/domain/A.ts": source }), [
    "src/domain/A.ts:1 imports ../http/A.ts: domain may not import http",
    "src/domain/A.ts:2 imports ../http/B.ts: domain may not import http",
    "src/domain/A.ts:6 imports ../http/C.ts: domain may not import http",
    "src/domain/A.ts:7 imports ../http/D.ts: domain may not import http",
    "src/domain/A.ts:8 imports ../http/E.ts: domain may not import http",
    "src/domain/A.ts:9 imports ../http/F.ts: domain may not import http",
    "src/domain/A.ts:10 imports ../http/G.ts: domain may not import http",
    "src/domain/A.ts:11 imports (name): the module's name must be a literal"
  ])
})

it("keeps drivers and Node on floor 2, and server code out of what a client imports", () => {
  const files = {
    "src/api/Api.ts": `import { HttpApi, HttpApiBuilder } from "effect/http-api"\nimport { SqlClient } from "effect/sql"
import { HttpRouter } from "effect/http"\nimport * as B from "effect/http-api/HttpApiScalar"`,
    "src/domain/Run.ts": `import { HttpApi } from "effect/http-api"\nimport { z } from "zod"\nimport { join } from "node:path"`,
    "src/http/Runs.ts": `import { createServer } from "node:http"\nimport { connect } from "node:net"\nimport Redis from "ioredis"`,
    "src/services/Runs.ts": `import { query } from "@anthropic-ai/claude-agent-sdk"\nimport "@effect/platform-node"
import manifest from "../../package.json" with { type: "json" }`
  }
  assert.deepStrictEqual(refusals(files), [
    "src/api/Api.ts:1 imports effect/http-api: api may not import HttpApiBuilder, which is for servers only",
    "src/api/Api.ts:2 imports effect/sql: api may not import effect/sql",
    "src/api/Api.ts:3 imports effect/http: api may not import HttpRouter, which is for servers only",
    "src/api/Api.ts:4 imports effect/http-api/HttpApiScalar: api may not import HttpApiScalar, which is for servers only",
    "src/domain/Run.ts:1 imports effect/http-api: domain may not import effect/http-api",
    "src/domain/Run.ts:2 imports zod: domain may not import zod",
    "src/domain/Run.ts:3 imports node:path: domain may not import node:path",
    "src/http/Runs.ts:2 imports node:net: http may not import node:net",
    "src/http/Runs.ts:3 imports ioredis: http may not import ioredis",
    "src/services/Runs.ts:1 imports @anthropic-ai/claude-agent-sdk: services may not import @anthropic-ai/claude-agent-sdk",
    "src/services/Runs.ts:2 imports @effect/platform-node: services may not import @effect/platform-node",
    "src/services/Runs.ts:3 imports ../../package.json: services may not import what lies outside src"
  ])
})

it("refuses a folder or a top file that the table does not name", () => {
  assert.deepStrictEqual(refusals({ "src/utils/A.ts": "", "src/helpers.ts": "" }), [
    "src/helpers.ts:1 lies on no floor: helpers.ts is not in the table of scripts/check-floors.ts",
    "src/utils/A.ts:1 lies on no floor: utils is not in the table of scripts/check-floors.ts"
  ])
})
