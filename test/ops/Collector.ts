// A small OpenTelemetry collector: takes OTLP/HTTP in JSON and keeps the spans.
import { createServer } from "node:http"
import { at, listAt, numberAt, textAt } from "../service/Json.ts"

/** A span as it arrived. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
}

/** A collector on a free port of 127.0.0.1. */
export interface Collector {
  readonly url: string
  /** Everything that it was sent, as it came. */
  readonly bodies: ReadonlyArray<string>
  spans(): ReadonlyArray<Span>
  stop(): Promise<void>
}

const optionalText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

const attributeOf = (attribute: unknown): readonly [string, unknown] => {
  const value = at(attribute, "value")
  return [textAt(attribute, "key"), typeof value === "object" && value !== null ? Object.values(value)[0] : undefined]
}

const spansOf = (body: string): ReadonlyArray<Span> =>
  listAt(JSON.parse(body), "resourceSpans")
    .flatMap((resource) => listAt(resource, "scopeSpans"))
    .flatMap((scope) => listAt(scope, "spans"))
    .map((span) => ({
      traceId: textAt(span, "traceId"),
      spanId: textAt(span, "spanId"),
      parentSpanId: optionalText(at(span, "parentSpanId")),
      name: textAt(span, "name"),
      kind: numberAt(span, "kind"),
      attributes: Object.fromEntries(listAt(span, "attributes").map(attributeOf))
    }))

/** Starts a collector. */
export const startCollector = async (): Promise<Collector> => {
  const bodies: Array<string> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      if (request.url === "/v1/traces") bodies.push(Buffer.concat(chunks).toString("utf8"))
      response.writeHead(request.url === "/v1/traces" ? 200 : 404, { "content-type": "application/json" }).end("{}")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("The collector has no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    bodies,
    spans: () => bodies.flatMap(spansOf),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
