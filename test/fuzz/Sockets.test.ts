import * as fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { at, textAt } from "../service/Json.ts"
import { until } from "../service/Polling.ts"
import { operatorKey } from "../service/Service.ts"
import { useService } from "../service/UseService.ts"
import { exchange, type Piece, type RawAnswer, type RawExchange } from "./RawSocket.ts"

const setting = useService()

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31)
const junkRuns = Math.ceil(Number(process.env["FUZZ_RUNS"] ?? 500) / 5)

/** Another client, who asks all the while: what he is told, and how long it takes. */
class OtherClient {
  readonly statuses = new Map<number, number>()
  slowest = 0
  #over = false
  #asking: Promise<void> = Promise.resolve()

  start(): void {
    this.#asking = this.#ask()
  }

  async stop(): Promise<void> {
    this.#over = true
    await this.#asking
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      const sent = performance.now()
      const { status } = await setting().service.request("GET", "/api/v1/sessions")
      this.slowest = Math.max(this.slowest, performance.now() - sent)
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const other = new OtherClient()

beforeAll(() => {
  console.log(`fuzz: ${junkRuns} connections of junk, FUZZ_SEED=${seed}`)
  other.start()
})

afterAll(() => other.stop())

const talk = (pieces: ReadonlyArray<Piece>, limitMillis = 8000, end = false): Promise<RawExchange> =>
  exchange(setting().service.url, pieces, limitMillis, end)

/** Checks that an answer is the one error body. */
const isProblem = ({ body, headers, status }: RawAnswer, wanted: number, errorId: string): void => {
  const problem: unknown = JSON.parse(body)
  assert.deepEqual([status, at(problem, "error.error_id")], [wanted, errorId], body)
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  assert.hasAllKeys(problem, ["type", "title", "status", "detail", "instance", "error"])
  assert.strictEqual(headers.get("x-request-id"), textAt(problem, "error.request_id"))
  assert.notInclude(body, operatorKey)
}

/** The answers of an exchange, after which the server has closed and has sent nothing else. */
const answersOf = ({ answers, end, rest }: RawExchange): ReadonlyArray<RawAnswer> => {
  assert.deepEqual({ end, rest }, { end: "closed", rest: "" })
  return answers
}

const host = "Host: causeway\r\n"
const key = `X-API-Key: ${operatorKey}\r\n`
const json = "Content-Type: application/json\r\n"
const list = (more = "") => `GET /api/v1/sessions HTTP/1.1\r\n${host}${key}${more}\r\n`

describe.concurrent("bytes that are no request get the one error body, and the connection is closed", () => {
  const cases: ReadonlyArray<readonly [what: string, pieces: ReadonlyArray<Piece>, status: number, errorId: string]> = [
    ["nonsense", ["what is this\r\n\r\n"], 400, "ERR_REQUEST_MALFORMED"],
    ["a TLS hello", [Uint8Array.of(22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3)], 400, "ERR_REQUEST_MALFORMED"],
    ["HTTP of another kind", ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, "ERR_REQUEST_MALFORMED"],
    ["a version that there is not", [`GET / HTTP/9.9\r\n${host}\r\n`], 400, "ERR_REQUEST_MALFORMED"],
    ["a request without Host", ["GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"], 400, "ERR_REQUEST_MALFORMED"],
    ["a header without a colon", [`GET /health HTTP/1.1\r\n${host}oops\r\n\r\n`], 400, "ERR_REQUEST_MALFORMED"],
    ["a header with a NUL", [`GET /health HTTP/1.1\r\n${host}X-Odd: a\0b\r\n\r\n`], 400, "ERR_REQUEST_MALFORMED"],
    ["two lengths", [list("Content-Length: 1\r\nContent-Length: 2\r\n")], 400, "ERR_REQUEST_MALFORMED"],
    [
      "a length and chunks",
      [list("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")],
      400,
      "ERR_REQUEST_MALFORMED"
    ],
    ["a negative length", [list("Content-Length: -1\r\n")], 400, "ERR_REQUEST_MALFORMED"],
    [
      "huge headers",
      [`GET /health HTTP/1.1\r\n${host}X-Big: ${"x".repeat(40_000)}\r\n\r\n`],
      431,
      "ERR_HEADERS_TOO_LARGE"
    ],
    [
      "many headers",
      [`GET /health HTTP/1.1\r\n${host}${Array.from({ length: 3000 }, (_, n) => `X-${n}: y\r\n`).join("")}\r\n`],
      431,
      "ERR_HEADERS_TOO_LARGE"
    ],
    ["a huge path", [`GET /${"x".repeat(40_000)} HTTP/1.1\r\n${host}\r\n`], 431, "ERR_HEADERS_TOO_LARGE"],
    [
      "chunks that are none",
      [
        `POST /api/v1/query HTTP/1.1\r\n${host}${key}${json}Transfer-Encoding: chunked\r\n\r\n`,
        100,
        "zz\r\nhello\r\n0\r\n\r\n"
      ],
      400,
      "ERR_REQUEST_MALFORMED"
    ],
    [
      "a chunk without end",
      [
        `POST /api/v1/query HTTP/1.1\r\n${host}${key}${json}Transfer-Encoding: chunked\r\n\r\n`,
        100,
        "5\r\nhelloworld\r\n"
      ],
      400,
      "ERR_REQUEST_MALFORMED"
    ],
    ["CONNECT", ["CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n"], 400, "ERR_REQUEST_MALFORMED"]
  ]
  it.each(cases)("%s", async (_what, pieces, status, errorId) => {
    const answers = answersOf(await talk(pieces))
    assert.lengthOf(answers, 1)
    for (const answer of answers) isProblem(answer, status, errorId)
  })
})

describe.concurrent("what does not come to an end", () => {
  // The headers have 15 seconds, looked at every 4.
  const patience = 25_000

  it("headers that trickle are told that they took too long", { timeout: 60_000 }, async () => {
    const trickle = Array.from({ length: 40 }, (_, n): ReadonlyArray<Piece> => [`X-${n}: y\r\n`, 600]).flat()
    const slow = await talk([`GET /health HTTP/1.1\r\n${host}`, ...trickle], patience)
    const answers = answersOf(slow)
    assert.lengthOf(answers, 1)
    for (const answer of answers) isProblem(answer, 408, "ERR_REQUEST_TIMED_OUT")
    assert.isAbove(slow.millis, 14_000)
  })

  it("half a request line likewise", { timeout: 60_000 }, async () => {
    const answers = answersOf(await talk(["GET /hea"], patience))
    for (const answer of answers) isProblem(answer, 408, "ERR_REQUEST_TIMED_OUT")
    assert.lengthOf(answers, 1)
  })

  it("half a request whose sender leaves is nobody's failure", async () => {
    const { answers, rest } = await talk(
      [`POST /api/v1/query HTTP/1.1\r\n${host}${key}${json}Content-Length: 100\r\n\r\n{"pro`],
      300
    )
    assert.deepEqual({ answers, rest }, { answers: [], rest: "" })
  })

  it("a connection on which nothing comes is left alone, and can be used later", async () => {
    const answers = answersOf(await talk([1500, `GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`]))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200]
    )
  })
})

describe.concurrent("odd but whole requests are answered", () => {
  it("several at once, in their order", async () => {
    const unknown = `GET /nowhere HTTP/1.1\r\n${host}${key}\r\n`
    const answers = answersOf(
      await talk([list() + unknown + list() + `GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`])
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 404, 200, 200]
    )
  })

  it("good ones before a bad one", async () => {
    const answers = answersOf(await talk([list(), { answers: 1 }, "garbage\r\n\r\n"]))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 400]
    )
  })

  it("a byte at a time", async () => {
    const request = `GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
    const pieces = [...request].flatMap((byte): ReadonlyArray<Piece> => [byte, 1])
    assert.deepEqual(
      answersOf(await talk(pieces)).map(({ status }) => status),
      [200]
    )
  })

  it("a body in chunks", async () => {
    const head = `POST /api/v1/tenants HTTP/1.1\r\n${host}${key}${json}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
    const answers = answersOf(await talk([head, '8\r\n{"name":\r\n', 20, '9\r\n"chunks"}\r\n0\r\n\r\n']))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201]
    )
  })
})

it(`${junkRuns} connections of junk: one error body, or a clean close`, { timeout: 3_600_000 }, async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string(),
    fc.constantFrom(
      "\r\n",
      "\r\n\r\n",
      "GET / HTTP/1.1\r\n",
      "POST /api/v1/query HTTP/1.1\r\n",
      host,
      key,
      "Content-Length: 5\r\n",
      "Content-Length: x\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Expect: 100-continue\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\n",
      "0\r\n\r\n",
      "ffffffffffffffffff\r\n",
      "{}"
    )
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
      const { answers, end, rest } = await talk(pieces, 5000, true)
      assert.notStrictEqual(end, "open")
      assert.strictEqual(rest, "")
      for (const { body, headers, status } of answers) {
        assert.isBelow(status, 500, body)
        if (status < 400) continue
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
        assert.strictEqual(headers.get("x-request-id"), textAt(JSON.parse(body), "error.request_id"))
      }
    }),
    { numRuns: junkRuns, seed }
  )
})

it("nobody else has noticed, and every failure has a line with its request", async () => {
  await until("the other client has asked", () => (other.statuses.get(200) ?? 0) > 20)
  assert.deepEqual([...other.statuses.keys()], [200])
  assert.isBelow(other.slowest, 5000)
  const { service } = setting()
  const failures = service.logs().filter((line) => line["error_id"] !== undefined)
  assert.deepEqual(
    failures.filter((line) => typeof line["request_id"] !== "string"),
    []
  )
  assert.deepEqual(
    service.logs().filter(({ level }) => level === "fatal" || level === "error"),
    []
  )
  assert.deepInclude((await service.request("GET", "/health", { key: null })).body, { status: "ok" })
})
