import * as fc from "fast-check"
import { afterAll, assert, beforeAll, it } from "vitest"
import { startScriptedModel, type ScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import { freshDatabase } from "../service/Database.ts"
import type { EventReader } from "../service/EventReader.ts"
import { at, listAt, textAt } from "../service/Json.ts"
import { held, small } from "../service/Prompts.ts"
import { operatorKey, type Service, startService } from "../service/Service.ts"
import { stopCleanly } from "../service/UseService.ts"
import { type Api, readDescription } from "./Description.ts"
import { type FuzzedRequest, type KnownIds, requests, type Sender } from "./Requests.ts"
import { type FuzzedAnswer, sendAsIs } from "./Send.ts"

const runs = Number(process.env["FUZZ_RUNS"] ?? 500)
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31)

/** Each is a process of the real CLI; beyond so many, requests to start one come from a tenant that has no room. */
const mostStarts = Number(process.env["FUZZ_STARTS"] ?? 12)

let model: ScriptedModel
let service: Service
let api: Api
let known: KnownIds
let live: EventReader
const keys: Record<Exclude<Sender, "nobody" | "bearer">, string> = {
  operator: operatorKey,
  stranger: "a-key-that-nobody-has",
  free: "",
  busy: "",
  reader: ""
}

const ask = async (key: string, method: string, path: string, body?: unknown) =>
  (await service.request(method, path, { key, ...(body === undefined ? {} : { body }) })).body

const makeTenant = async (name: string) =>
  textAt(await ask(operatorKey, "POST", "/api/v1/tenants", { name }), "api_key.key")

const makeKey = (key: string, scopes: ReadonlyArray<string>) =>
  ask(key, "POST", "/api/v1/api-keys", { name: "to be revoked", scopes })

beforeAll(async () => {
  console.log(`fuzz: ${runs} requests, FUZZ_SEED=${seed}`)
  model = await startScriptedModel()
  service = await startService({
    database: await freshDatabase(),
    model: model.url,
    env: { MAX_RUNS_PER_TENANT: "1", MAX_BODY_BYTES: "16384", MODEL_RETRIES: "0", DISCONNECT_GRACE: "1 hour" }
  })
  api = readDescription((await service.request("GET", "/openapi.json", { key: null })).text)
  keys.free = await makeTenant("free")
  keys.busy = await makeTenant("busy")
  keys.reader = textAt(await makeKey(keys.free, ["admin"]), "key")
  const first = await ask(keys.free, "POST", "/api/v1/query/single", { ...small, prompt: "One.", tags: ["a"] })
  const second = await ask(keys.free, "POST", "/api/v1/query/single", { ...small, prompt: "Two." })
  const own = await Promise.all([1, 2, 3].map(() => makeKey(keys.free, ["query"])))
  known = {
    sessions: [textAt(first, "session_id"), textAt(second, "session_id")],
    runs: [textAt(first, "run_id"), textAt(second, "run_id")],
    keys: own.map((key) => textAt(key, "id"))
  }
  live = await service.stream("POST", "/api/v1/query", {
    key: keys.busy,
    body: { ...small, include_partial_messages: true, prompt: held("Stay.", "fuzz") }
  })
  await live.waitFor("partial")
})

afterAll(async () => {
  await stopCleanly(service)
  await model.stop()
})

const credentialsOf = (sender: Sender): Readonly<Record<string, string>> => {
  switch (sender) {
    case "nobody":
      return {}
    case "bearer":
      return { authorization: `Bearer ${keys.free}` }
    default:
      return { "x-api-key": keys[sender] }
  }
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Checks what holds for every answer, whatever was asked. */
const isInOrder = (request: FuzzedRequest, { headers, status, text }: FuzzedAnswer): void => {
  const said = `${request.method} ${request.target}: ${status} ${text.slice(0, 500)}`
  const requestId = headers["x-request-id"]
  assert.isString(requestId, said)
  if (status < 400) return
  assert.strictEqual(headers["content-type"], "application/problem+json", said)
  // The answer to HEAD is that to GET without its body.
  if (request.method === "HEAD") {
    assert.isBelow(status, 500, said)
    return assert.strictEqual(text, "")
  }
  const body = json(text)
  assert.hasAllKeys(body, ["type", "title", "status", "detail", "instance", "error"], said)
  assert.hasAllKeys(at(body, "error"), ["code", "error_id", "message", "details", "retry", "request_id"], said)
  assert.strictEqual(at(body, "status"), status)
  assert.strictEqual(at(body, "error.request_id"), requestId)
  assert.match(textAt(body, "error.error_id"), /^ERR_[A-Z_]+$/)
  // This service has no model for memories, and says so.
  if (status >= 500) assert.deepEqual([status, at(body, "error.error_id")], [503, "ERR_MEMORY_MODEL_MISSING"], said)
  assert.notStrictEqual(at(body, "error.error_id"), "ERR_INTERNAL")
  if (status === 429 || status === 503) assert.match(String(headers["retry-after"]), /^[1-9]\d*$/)
  for (const key of Object.values(keys)) assert.notInclude(text, key)
}

const startsRun = /^\/api\/v1\/(query|sessions\/[^/]+\/(resume|fork))/

it(
  `${runs} requests made from the description: never a 500, always the one error body`,
  { timeout: 3_600_000 },
  async () => {
    let starts = 0
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(requests(api, known), async (generated) => {
        const isStart = generated.method === "POST" && startsRun.test(generated.target)
        const full = isStart && starts >= mostStarts && (generated.sender === "free" || generated.sender === "bearer")
        const request: FuzzedRequest = full ? { ...generated, sender: "busy" } : generated
        const answer = await sendAsIs(service.url, request, credentialsOf(request.sender), 60_000)
        if (isStart && answer.status === 200) starts++
        isInOrder(request, answer)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      }),
      { numRuns: runs, seed, endOnFailure: runs > 1000 }
    )
    console.log(
      `fuzz: ${[...statuses]
        .toSorted()
        .map(([status, count]) => `${status}: ${count}`)
        .join(", ")}`
    )
  }
)

it("has left no failure without its request, no bug, and nothing of what was sent that is a secret", () => {
  const failures = service.logs().filter((line) => line["error_id"] !== undefined)
  assert.isNotEmpty(failures)
  assert.deepEqual(
    failures.filter((line) => typeof line["request_id"] !== "string"),
    []
  )
  assert.deepEqual(
    service.logs().filter(({ level }) => level === "fatal" || level === "error"),
    []
  )
  for (const key of Object.values(keys)) assert.notInclude(service.output(), key)
})

it("is as well as before, and the run that went on all the while completes", async () => {
  const health = await service.request("GET", "/health", { key: null })
  assert.deepInclude(health.body, { status: "ok" })
  const list = await service.request("GET", "/api/v1/tenants", {})
  assert.isAtLeast(listAt(list.body, "tenants").length, 3)
  model.open("fuzz")
  await live.finished()
  assert.strictEqual(at(live.first("done").data, "reason"), "completed")
  assert.strictEqual(live.end, "complete")
})
