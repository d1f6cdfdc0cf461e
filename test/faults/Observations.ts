import { assert } from "vitest"
import { entryOf, isFailureTag, type FailureTag, catalogue } from "../../src/domain/errors/catalogue.ts"
import { at, textAt } from "../service/Json.ts"
import type { LogLine, Service } from "../service/Service.ts"
import type { Counts, ErrorId } from "./Matrix.ts"

/** An answer with what was seen around it. */
export interface Seen {
  readonly requestId: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: unknown
  readonly millis: number
}

const tagOf = new Map<string, FailureTag>(
  Object.entries(catalogue).flatMap(([tag, { error_id }]) => (isFailureTag(tag) ? [[error_id, tag]] : []))
)

/** The catalogue's entry of an id. */
export const entryOfId = (errorId: string) => {
  const tag = tagOf.get(errorId)
  if (tag === undefined) throw new Error(`${errorId} is not in the catalogue`)
  return entryOf(tag)
}

/** Checks that an answer is the one error body, of this failure. */
export const isProblem = (seen: Omit<Seen, "millis">, status: number, errorId: string): void => {
  const { body, headers, requestId, text } = seen
  const entry = entryOfId(errorId)
  assert.deepEqual([seen.status, at(body, "error.error_id")], [status, errorId], text)
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  assert.strictEqual(headers.get("x-request-id"), requestId)
  assert.hasAllKeys(body, ["type", "title", "status", "detail", "instance", "error"])
  const error = at(body, "error")
  assert.hasAllKeys(error, ["code", "error_id", "message", "details", "retry", "request_id"])
  assert.isObject(at(error, "details"))
  const { details: _details, message, ...fixed } = Object(error)
  assert.deepEqual(fixed, { code: entry.code, error_id: errorId, retry: entry.retry, request_id: requestId })
  assert.isTrue(textAt(body, "type").endsWith(`#${errorId}`))
  assert.deepEqual(
    [at(body, "status"), at(body, "title"), at(body, "detail"), at(body, "instance")],
    [status, entry.cause, message, `/requests/${requestId}`]
  )
}

/** The counters of failures, by id. */
export const failureCounts = async (service: Service): Promise<Readonly<Record<string, number>>> => {
  const { status, text } = await service.request("GET", "/metrics", { key: null })
  assert.strictEqual(status, 200)
  const lines = text.matchAll(/^api_errors_total\{error_code="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, name = "", count]) => [name, Number(count)]))
}

/** What was counted in between, without what was not. */
export const countedBetween = (
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(after)
      .map(([name, count]): readonly [string, number] => [name, count - (before[name] ?? 0)])
      .filter(([, count]) => count !== 0)
  )

/** All counts of several operations. */
export const sumOf = (all: Iterable<Counts>): Readonly<Record<string, number>> => {
  const sum: Record<string, number> = {}
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  }
  return sum
}

/** The lines about failures that bear the id of a request. */
export const failureLines = (service: Service, requestId: string): ReadonlyArray<LogLine> =>
  service.logs().filter((line) => line["request_id"] === requestId && line["error_id"] !== undefined)

/** How often each failure stands in lines. */
export const countsOf = (lines: ReadonlyArray<LogLine>): Readonly<Record<string, number>> =>
  sumOf(lines.map((line) => ({ [String(line["error_id"])]: 1 })))

const levelOf = { info: "info", warning: "warn", error: "error", critical: "fatal" }

/** Checks that a line about a failure has the level of its failure, and these fields. */
export const hasFields = (line: LogLine | undefined, fields: Readonly<Record<string, unknown>>): void => {
  if (line === undefined) throw new Error("There is no such line")
  const entry = entryOfId(String(line["error_id"]))
  assert.strictEqual(line["level"], levelOf[entry.severity])
  assert.strictEqual(line["code"], entry.code)
  assert.deepInclude(line, fields)
  assert.notProperty(line, "defect")
}

/** Words of drivers, of SQL and of the machine, none of which concerns a client. */
const internals =
  /127\.0\.0\.1|localhost|ECONN|EPIPE|ENOENT|\bE[A-Z]{4,}\b(?<!ERR)|permission denied|terminating|too many connections|read-only transaction|relation "|\bSELECT\b|\bINSERT\b|\bUPDATE\b|\bDELETE\b|ioredis|sql-pg|node_modules|\.ts:\d+|\n\s+at |causeway_service/

/** Checks that an answer tells nothing of what is behind the service. */
export const tellsNothing = (text: string, secrets: ReadonlyArray<string>): void => {
  assert.notMatch(text, internals)
  for (const secret of secrets) assert.notInclude(text, secret)
}

/** Names one failure of a table. */
export type { ErrorId }
