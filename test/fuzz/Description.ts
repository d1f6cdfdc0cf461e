import * as fc from "fast-check"

/** The part of JSON Schema that the API's description uses. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
}

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly schema: JsonSchema
}

/** An operation of the API. */
export interface ApiOperation {
  readonly method: string
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: JsonSchema | undefined
}

interface Described {
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

/** What `/openapi.json` says: operations, and the schemas that they name. */
export interface Api {
  readonly operations: ReadonlyArray<ApiOperation>
  readonly schemas: Readonly<Record<string, JsonSchema>>
}

/** Reads the description of an API. */
export const readDescription = (text: string): Api => {
  const description: Description = JSON.parse(text)
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): ApiOperation => ({
      method: method.toUpperCase(),
      path,
      parameters: described.parameters ?? [],
      body: described.requestBody?.content["application/json"]?.schema
    }))
  )
  return { operations, schemas: description.components.schemas }
}

const text = ({ format, maxLength = 60, minLength = 0 }: JsonSchema): fc.Arbitrary<string> => {
  if (format === "uuid") return fc.uuid()
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  const bounds = { minLength, maxLength: Math.min(maxLength, 60) }
  return fc.oneof(
    fc.string(bounds),
    fc.string({ ...bounds, unit: "grapheme" }),
    fc.lorem({ maxCount: 3 }).map((words) => words.slice(0, bounds.maxLength)),
    fc.constantFrom("it's", 'a,b{c}"d\\', "%_\\", "$1; --", "​").filter((sample) => sample.length >= minLength)
  )
}

// Few optional members at a time: with many, there would always be one that something else forbids.
const someOf = (
  members: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  required: ReadonlyArray<string>
): fc.Arbitrary<unknown> => {
  const optional = Object.keys(members).filter((name) => !required.includes(name))
  return fc
    .shuffledSubarray(optional, { maxLength: Math.min(3, optional.length) })
    .chain((chosen) =>
      fc.record(Object.fromEntries(Object.entries(members).filter(([name]) => [...required, ...chosen].includes(name))))
    )
}

/** Values that fit a schema of the description. */
export const fitting = (schemas: Api["schemas"], schema: JsonSchema): fc.Arbitrary<unknown> => {
  const inner = (one: JsonSchema) => fitting(schemas, one)
  const { $ref, anyOf, allOf, items, maximum, maxItems, minimum, properties, required = [], type } = schema
  if ($ref !== undefined) return inner(schemas[$ref.slice($ref.lastIndexOf("/") + 1)] ?? {})
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(inner))
  if (allOf !== undefined) return inner(Object.assign({ ...schema, allOf: undefined }, ...allOf))
  switch (type) {
    case "string":
      return text(schema)
    case "integer":
      return fc.maxSafeInteger().map((n) => Math.min(Math.max(n, minimum ?? n), maximum ?? n))
    case "number":
      return fc.double({ min: minimum ?? -1e9, max: maximum ?? 1e9, noNaN: true })
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    case "array":
      return fc.array(inner(items ?? {}), { maxLength: Math.min(maxItems ?? 4, 4) })
    case "object":
      return properties === undefined
        ? fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
        : someOf(
            Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, inner(property)])),
            required
          )
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    null,
    "",
    " ",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "x".repeat(3000),
    -1,
    0,
    1e308,
    2 ** 53,
    0.1,
    [],
    [[]],
    {},
    { __proto__: null, constructor: 1 },
    "../../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "9999-12-31T23:59:60Z",
    "-000001-01-01T00:00:00Z"
  )
)

/** Values that were fitting before something was done to them: a member replaced, taken away or added. */
export const almostFitting = (fits: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(fits, fc.nat(), fc.constantFrom("replace", "remove", "add"), hostile, fc.string({ maxLength: 20 }))
    .map(([value, index, change, other, name]) => {
      if (!isRecord(value)) return other
      const names = Object.keys(value)
      const chosen = names[index % Math.max(names.length, 1)] ?? name
      switch (change) {
        case "replace":
          return { ...value, [chosen]: other }
        case "remove":
          return Object.fromEntries(Object.entries(value).filter(([key]) => key !== chosen))
        default:
          return { ...value, [name]: other }
      }
    })
