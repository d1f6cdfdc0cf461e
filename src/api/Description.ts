import { Schema } from "effect"
import type { OpenApi } from "effect/http-api"
import { catalogue } from "../domain/errors/catalogue.ts"
import { defaultPageSize, PageSize } from "../domain/Page.ts"
import { Sequence } from "../domain/Run.ts"

type Spec = OpenApi.OpenAPISpec

/** Anything of a description, as it is walked. */
type Node = { [name: string]: unknown }

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null

const walk = (value: unknown, visit: (node: Node) => void): void => {
  if (!isNode(value)) return
  if (!Array.isArray(value)) visit(value)
  for (const member of Object.values(value)) walk(member, visit)
}

const operationsOf = (spec: Spec) =>
  Object.values(spec.paths).flatMap((path) => Object.values(path as Record<string, OpenApi.OpenAPISpecOperation>))

/** Both ways to send the key, for what can answer that it is missing. */
const describeSecurity = (spec: Spec): void => {
  spec.components.securitySchemes = {
    apiKey: { type: "apiKey", name: "X-API-Key", in: "header" },
    bearer: { type: "http", scheme: "bearer" }
  }
  for (const operation of operationsOf(spec)) {
    operation.security = operation.responses[401] === undefined ? [] : [{ apiKey: [] }, { bearer: [] }]
  }
}

const tagOf = (reference: unknown): string => String(reference).replace(/^.*\/(\w+)Problem$/, "$1")

const remedies: ReadonlyMap<string, string> = new Map(
  Object.entries(catalogue).map(([tag, { cause, error_id, remedy }]) => [tag, `- \`${error_id}\`: ${cause} ${remedy}`])
)

/** What each status means: the failures of the catalogue that have it. */
const describeFailures = (spec: Spec): void => {
  for (const { responses } of operationsOf(spec)) {
    for (const response of Object.values(responses)) {
      const schema = response.content?.["application/problem+json"]?.schema
      if (schema === undefined) continue
      const found = new Set<string>()
      walk(schema, (node) => {
        const remedy = remedies.get(tagOf(node["$ref"]))
        if (remedy !== undefined) found.add(remedy)
      })
      response.description = [...found].join("\n")
    }
  }
}

const schemaOf = (schema: Schema.Top): object => Schema.toJsonSchemaDocument(schema).schema

/** What parameters mean; the form of those that are numbers or times is lost in texts. */
const parameters: Record<string, { readonly description: string; readonly schema?: object }> = {
  page_size: {
    description: `How many items; ${defaultPageSize} when absent.`,
    schema: { ...schemaOf(PageSize), default: defaultPageSize }
  },
  cursor: { description: "`next_cursor` of the page before." },
  mode: { description: "Only sessions of this mode." },
  status: { description: "Only sessions in this state." },
  project_id: { description: "Only what belongs to this project." },
  tags: { description: "May be repeated: all must match." },
  search: { description: "Part of the title, in either case." },
  created_after: { description: "From this moment on.", schema: { type: "string", format: "date-time" } },
  created_before: { description: "Before this moment.", schema: { type: "string", format: "date-time" } },
  after: { description: "Only events after this sequence number.", schema: schemaOf(Sequence) },
  "last-event-id": {
    description: "The same as `after`, and goes before it: what a browser's EventSource sends by itself.",
    schema: schemaOf(Sequence)
  },
  "idempotency-key": {
    description:
      "Repeating a request with the same key finds the first one's run instead of starting another, for 24 hours."
  },
  source: { description: "Only those that are kept here, or only those of a workspace." },
  id: { description: "Which one." }
}

const describeParameters = (spec: Spec): void => {
  for (const operation of operationsOf(spec)) {
    operation.parameters = operation.parameters.map((parameter) => ({ ...parameter, ...parameters[parameter.name] }))
  }
}

/** Our streams are plain server-sent events: nothing of Effect's own protocol is in them. */
const describeStreams = (spec: Spec): void => {
  for (const { responses } of operationsOf(spec)) {
    const stream = responses[200]?.content?.["text/event-stream"]
    if (stream !== undefined) delete stream["x-effect-stream"]
  }
}

/** Answers may grow: only what clients send is closed. */
const openAnswers = (spec: Spec): void => {
  const requests = new Set<unknown>()
  for (const { requestBody } of operationsOf(spec)) {
    walk(requestBody, (node) => {
      if (typeof node["$ref"] === "string") requests.add(node["$ref"].replace(/^.*\//, ""))
    })
  }
  const open = (node: Node) => {
    if (node["additionalProperties"] === false) delete node["additionalProperties"]
  }
  for (const [name, schema] of Object.entries(spec.components.schemas)) if (!requests.has(name)) walk(schema, open)
  for (const { responses } of operationsOf(spec)) walk(responses, open)
}

/** The format says it all, and in a form that generators of clients know. */
const shortenIds = (spec: Spec): void =>
  walk(spec, (node) => {
    if (node["format"] === "uuid") delete node["pattern"]
  })

/** Classes are described in the form that goes over the wire; their names need not say so. */
const nameClasses = (spec: Spec): Spec =>
  JSON.parse(JSON.stringify(spec).replaceAll(/"((?:#\/components\/schemas\/)?[A-Z]\w*)Encoded"/g, '"$1"')) as Spec

/** Completes the description that is derived from the API. */
export const describe = (derived: object): object => {
  // What is derived is of this type; it is handed over as any object.
  const spec = nameClasses(derived as Spec)
  describeSecurity(spec)
  describeParameters(spec)
  describeFailures(spec)
  describeStreams(spec)
  openAnswers(spec)
  shortenIds(spec)
  return spec
}
