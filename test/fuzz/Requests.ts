import * as fc from "fast-check"
import { almostFitting, type Api, type ApiOperation, fitting, type JsonSchema } from "./Description.ts"

/** Who sends a request. */
export type Sender = "operator" | "free" | "busy" | "reader" | "bearer" | "nobody" | "stranger"

/** A request as it goes over the wire. */
export interface FuzzedRequest {
  readonly method: string
  /** Path and query, as they are sent. */
  readonly target: string
  readonly sender: Sender
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

/** What the server knows, so that requests get beyond 404. */
export interface KnownIds {
  readonly sessions: ReadonlyArray<string>
  readonly runs: ReadonlyArray<string>
  readonly keys: ReadonlyArray<string>
}

const sender: fc.Arbitrary<Sender> = fc.oneof(
  { arbitrary: fc.constantFrom<Sender>("free", "busy"), weight: 8 },
  { arbitrary: fc.constantFrom<Sender>("operator", "bearer"), weight: 3 },
  { arbitrary: fc.constantFrom<Sender>("reader", "nobody", "stranger"), weight: 1 }
)

// What Node's client lets through: everything else is a matter of raw sockets.
const sendable = (text: string): boolean => /^[\u0021-\u00ff]*$/.test(text)
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

const junkSegment: fc.Arbitrary<string> = fc.oneof(
  fc.webSegment(),
  fc.string({ maxLength: 40 }).filter(sendable),
  fc
    .string({ unit: "binary", maxLength: 20 })
    .map((text) => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, ""))),
  fc.constantFrom(
    "..",
    "%2e%2e",
    "%00",
    "%",
    "%zz",
    "%c0%80",
    "a%2fb",
    "*",
    ":id",
    "x".repeat(5000),
    "%F0%9F%92%A9",
    ";a",
    ""
  )
)

const idOf = (path: string, known: KnownIds): fc.Arbitrary<string> => {
  const ids = path.includes("/runs/") ? known.runs : path.includes("/api-keys/") ? known.keys : known.sessions
  return fc.oneof(
    { arbitrary: fc.constantFrom(...ids), weight: 5 },
    { arbitrary: fc.uuid(), weight: 2 },
    { arbitrary: fc.constantFrom(...known.sessions, ...known.runs).map((id) => id.toUpperCase()), weight: 1 },
    { arbitrary: junkSegment, weight: 2 }
  )
}

const queryValue = (api: Api, schema: JsonSchema): fc.Arbitrary<ReadonlyArray<string>> =>
  fc.oneof(
    {
      arbitrary: fitting(api.schemas, schema).map((value) => (Array.isArray(value) ? value : [value]).map(String)),
      weight: 3
    },
    {
      arbitrary: fc.array(fc.oneof(fc.string(), fc.constantFrom("\u0000", "-1", "1e9", "null")), { maxLength: 3 }),
      weight: 1
    }
  )

const encode = (text: string): string => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "?"))

const queryOf = (api: Api, operation: ApiOperation): fc.Arbitrary<string> => {
  const described = operation.parameters.filter((parameter) => parameter.in === "query")
  const values = Object.fromEntries(described.map(({ name, schema }) => [name, queryValue(api, schema)]))
  const fits = fc
    .record(values, { requiredKeys: [] })
    .map((query) =>
      Object.entries(query).flatMap(([name, all]) => (all ?? []).map((value) => `${encode(name)}=${encode(value)}`))
    )
  const junk = fc.array(fc.string({ maxLength: 20 }).filter(sendable), { maxLength: 3 })
  return fc
    .oneof({ arbitrary: fits, weight: 4 }, { arbitrary: junk, weight: 1 })
    .map((parts) => (parts.length === 0 ? "" : `?${parts.join("&")}`))
}

const oddHeaders: fc.Arbitrary<Readonly<Record<string, string>>> = fc.record(
  {
    "x-request-id": fc.oneof(
      fc.uuid(),
      fc.string({ maxLength: 200 }).filter((text) => headerValue.test(text))
    ),
    "idempotency-key": fc.string({ maxLength: 300 }).filter((text) => headerValue.test(text)),
    "last-event-id": fc.oneof(
      fc.nat().map(String),
      fc.string().filter((text) => headerValue.test(text))
    ),
    accept: fc.constantFrom("application/json", "text/event-stream", "*/*", "image/png", ""),
    "accept-encoding": fc.constantFrom("gzip", "br", "identity", "*;q=0"),
    cookie: fc.string({ maxLength: 100 }).filter((text) => headerValue.test(text)),
    origin: fc.constantFrom("http://evil.example", "null"),
    "x-forwarded-for": fc.ipV4(),
    expect: fc.constantFrom("100-continue", "something-else"),
    range: fc.constant("bytes=0-1")
  },
  { requiredKeys: [] }
)

/** Mostly none of them: each is tried with requests that are fine otherwise. */
const headers = fc.oneof({ arbitrary: fc.constant({}), weight: 3 }, { arbitrary: oddHeaders, weight: 1 })

const contentTypes: fc.Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
  { arbitrary: fc.constant({ "content-type": "application/json" }), weight: 10 },
  {
    arbitrary: fc.constantFrom<Readonly<Record<string, string>>>(
      {},
      { "content-type": "text/plain" },
      { "content-type": "application/json; charset=utf-16" },
      { "content-type": "multipart/form-data; boundary=x" },
      { "content-type": "application/json", "content-encoding": "gzip" },
      { "content-type": "" }
    ),
    weight: 1
  }
)

const bodyOf = (api: Api, { body }: ApiOperation): fc.Arbitrary<string | Uint8Array | undefined> => {
  const json = (value: unknown) => JSON.stringify(value) ?? ""
  if (body === undefined) {
    return fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 6 },
      { arbitrary: fc.oneof(fc.jsonValue().map(json), fc.string()), weight: 1 }
    )
  }
  const fits = fitting(api.schemas, body)
  return fc.oneof(
    { arbitrary: fits.map(json), weight: 5 },
    { arbitrary: almostFitting(fits).map(json), weight: 5 },
    { arbitrary: fc.tuple(fits, fc.nat(200)).map(([value, length]) => json(value).slice(0, length)), weight: 1 },
    { arbitrary: fc.oneof(fc.string(), fc.jsonValue().map(json)), weight: 1 },
    { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 },
    { arbitrary: fc.constantFrom(undefined, "", "[".repeat(5000), `{"prompt":"${"x".repeat(20_000)}"}`), weight: 1 }
  )
}

const requestTo = (api: Api, operation: ApiOperation, known: KnownIds): fc.Arbitrary<FuzzedRequest> =>
  fc
    .record({
      sender,
      id: idOf(operation.path, known),
      query: queryOf(api, operation),
      type: contentTypes,
      headers,
      body: bodyOf(api, operation)
    })
    .map(({ body, headers, id, query, sender, type }) => ({
      method: operation.method,
      target: operation.path.replace("{id}", id) + query,
      sender,
      headers: { ...(body === undefined ? {} : type), ...headers },
      body
    }))

/** Paths and methods that the description does not have. */
const elsewhere = (api: Api): fc.Arbitrary<FuzzedRequest> =>
  fc
    .record({
      method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"),
      path: fc.oneof(
        fc.constantFrom(...api.operations.map(({ path }) => path)),
        fc.array(junkSegment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
        fc.array(junkSegment, { maxLength: 3 }).map((segments) => `/api/v1/${segments.join("/")}`),
        fc.constantFrom(
          "/metrics",
          "/docs",
          "/docs/errors",
          "/openapi.json",
          "/health/",
          "//",
          "/?",
          "/api/v1/sessions//"
        )
      ),
      sender,
      headers
    })
    .map(({ headers, method, path, sender }) => ({ method, target: path, sender, headers, body: undefined }))

/** Requests of all kinds, most of them near to something that the API has. */
export const requests = (api: Api, known: KnownIds): fc.Arbitrary<FuzzedRequest> =>
  fc.oneof(...api.operations.map((operation) => ({ arbitrary: requestTo(api, operation, known), weight: 2 })), {
    arbitrary: elsewhere(api),
    weight: 8
  })
