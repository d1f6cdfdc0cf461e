import { Effect, SchemaIssue } from "effect"
import { HttpServerRequest } from "effect/http"
import type { HttpApiError } from "effect/http-api"
import { notATimestamp } from "../api/Timestamp.ts"
import { DatetimeParse, ValidationFailed, type ValidationIssue } from "../domain/errors/RequestErrors.ts"
import { countInvalidField } from "./HttpMetrics.ts"
import { jsonErrorPosition } from "./JsonSyntax.ts"

/** Most issues that one answer lists. */
const mostIssues = 50

/** Longest piece of a path: clients choose the names of unknown fields. */
const longestName = 100

const unknownField = "is not a field of this request"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "MissingKey":
        return "is missing"
      case "UnexpectedKey":
        return unknownField
      default:
        return SchemaIssue.defaultLeafHook(issue)
    }
  }
})

/** How the parts of a request are called in a path. */
const parts = { Params: "params", Headers: "headers", Query: "query", Payload: "body" } as const

type Part = keyof typeof parts

interface Place {
  readonly issue: ValidationIssue
  /** The name for metrics, with nothing in it that a client can choose. */
  readonly field: string
}

const nameOf = (segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof segment === "object" ? segment.key : segment

const append = (path: string, name: PropertyKey): string => {
  if (typeof name === "number") return `${path}[${name}]`
  const text = String(name)
  return `${path}.${text.length > longestName ? `${text.slice(0, longestName)}…` : text}`
}

const placesOf = (part: string, issue: SchemaIssue.Issue): ReadonlyArray<Place> =>
  issuesOf(issue).issues.map(({ message, path = [] }) => {
    const names = path.map(nameOf)
    const [first] = names
    return {
      issue: { path: names.reduce(append, part), message },
      field: first === undefined || message === unknownField ? part : append(part, first)
    }
  })

/** What is wrong with a body as a text, where that is why it does not fit. */
const textIssue = Effect.fn(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const text = yield* Effect.orDie(request.text)
  if (text === "") return "is missing"
  const position = jsonErrorPosition(text)
  if (position !== undefined) return `is not JSON at line ${position.line}, column ${position.column}`
  return /^\s*\{/.test(text) ? undefined : "is not a JSON object"
})

const placesOfBody = Effect.fn(function* (issue: SchemaIssue.Issue) {
  const part = parts.Payload
  const message = yield* textIssue()
  return message === undefined ? placesOf(part, issue) : [{ issue: { path: part, message }, field: part }]
})

const shorten = (issues: ReadonlyArray<ValidationIssue>, part: string): ReadonlyArray<ValidationIssue> =>
  issues.length <= mostIssues
    ? issues
    : [...issues.slice(0, mostIssues), { path: part, message: `has ${issues.length - mostIssues} more issues` }]

/** Whether the error is about the request and not about our own answer. */
export const isPart = (kind: HttpApiError.HttpApiSchemaError["kind"]): kind is Part => Object.hasOwn(parts, kind)

const invalid = Effect.fn(function* (part: string, places: ReadonlyArray<Place>) {
  yield* Effect.forEach(places.slice(0, mostIssues), ({ field }) => countInvalidField(field), { discard: true })
  const issues = places.map((place) => place.issue)
  const [first] = issues
  if (first !== undefined && issues.every(({ message }) => message === notATimestamp)) {
    return new DatetimeParse({ field: first.path })
  }
  return new ValidationFailed({ issues: shorten(issues, part) })
})

/** What is wrong with a request that does not fit the API: every place of the part that was looked at. */
export const invalidRequest = Effect.fn(function* (kind: Part, issue: SchemaIssue.Issue) {
  const part = parts[kind]
  return yield* invalid(part, kind === "Payload" ? yield* placesOfBody(issue) : placesOf(part, issue))
})

/** What is wrong with a frame of a WebSocket that does not fit its type. */
export const invalidFrame = (issue: SchemaIssue.Issue) => invalid("frame", placesOf("frame", issue))
