import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { at, listAt } from "../service/Json.ts"
import { scripted, small } from "../service/Prompts.ts"
import type { Service } from "../service/Service.ts"
import { startService } from "../service/Service.ts"
import { freshDatabase } from "../service/Database.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"
import { type Collector, type Span, startCollector } from "./Collector.ts"

const model = useModel()

const traced = scripted(
  "Trace me.",
  { tool: "Bash", input: { command: 'echo "parent=$TRACEPARENT"' } },
  { text: "Traced." }
)
const shell = { ...small, tools: ["Bash"], allowed_tools: ["Bash"] }

const toolOutput = (messages: ReadonlyArray<{ readonly data: unknown }>): string =>
  messages
    .flatMap(({ data }) => listAt(data, "content"))
    .filter((block) => at(block, "type") === "tool_result")
    .map((block) => JSON.stringify(at(block, "content")))
    .join("\n")

describe("with a collector", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c"
  const clientSpan = "b7ad6b7169203331"
  let collector: Collector
  let output: string
  let health: ReadonlyArray<Span>
  let mine: ReadonlyArray<Span>

  beforeAll(async () => {
    collector = await startCollector()
    const service = await startService({
      database: await freshDatabase(),
      model: model().url,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` }
    })
    await service.request("GET", "/health", { key: null })
    await service.request("GET", "/metrics", { key: null })
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { prompt: traced, ...shell },
      headers: { traceparent: `00-${trace}-${clientSpan}-01`, "x-request-id": "traced-request" }
    })
    await stream.finished()
    output = toolOutput(stream.all("message"))
    // What is still to be sent is sent when the service stops.
    await stopCleanly(service)
    mine = collector.spans().filter(({ traceId }) => traceId === trace)
    health = collector.spans().filter(({ traceId }) => traceId !== trace)
  })
  afterAll(() => collector.stop())

  const named = (name: string): Span => {
    const found = mine.find((span) => span.name === name)
    if (found === undefined) throw new Error(`No span ${name} among ${mine.map((span) => span.name).join(", ")}`)
    return found
  }

  const ancestorsOf = (span: Span): ReadonlyArray<string> => {
    const parent = mine.find(({ spanId }) => spanId === span.parentSpanId)
    return parent === undefined ? [] : [parent.name, ...ancestorsOf(parent)]
  }

  it("joins the client's trace at the request", () => {
    const request = mine.find(({ kind, parentSpanId }) => kind === 2 && parentSpanId === clientSpan)
    assert.strictEqual(request?.attributes["http.route"], "/api/v1/query")
    assert.strictEqual(request?.attributes["request_id"], "traced-request")
  })

  it("has service, SQL and the agent's process below the request", () => {
    assert.include(ancestorsOf(named("RunRepository.start")), "Runs.start")
    const sql = mine.filter((span) => "db.query.text" in span.attributes)
    assert.isAbove(sql.filter((span) => ancestorsOf(span).includes("RunRepository.start")).length, 0)
    assert.isAbove(sql.filter((span) => ancestorsOf(span).includes("RunRepository.finish")).length, 0)
    const process = named("agent.process")
    assert.include(ancestorsOf(process), "RunWork.workOn")
    assert.include(ancestorsOf(process), "Runs.start")
    assert.isAbove(Number(process.attributes["process.pid"]), 0)
  })

  it("is one tree: every span but the first has its parent in the trace", () => {
    const known = new Set([clientSpan, ...mine.map(({ spanId }) => spanId)])
    assert.deepEqual(
      mine.filter(({ parentSpanId }) => parentSpanId === undefined || !known.has(parentSpanId)).map(({ name }) => name),
      []
    )
  })

  it("hands the trace to the agent's tools", () => {
    assert.include(output, `parent=00-${trace}-`)
  })

  it("keeps health checks, scrapes and the instance's own upkeep out", () => {
    assert.deepEqual(
      health.map(({ name }) => name),
      []
    )
  })

  it("sends neither keys nor prompts", () => {
    const sent = collector.bodies.join("\n")
    for (const secret of ["operator-key-of-the-tests", "model-key-of-the-tests", "Trace me."]) {
      assert.notInclude(sent, secret)
    }
  })
})

describe("without a collector", () => {
  let service: Service
  beforeAll(async () => {
    service = await startService({ database: "embedded", model: model().url })
  })
  afterAll(() => stopCleanly(service))

  it("tells the agent of no trace", async () => {
    const stream = await service.stream("POST", "/api/v1/query", { body: { prompt: traced, ...shell } })
    await stream.finished()
    assert.include(toolOutput(stream.all("message")), "parent=")
    assert.notMatch(toolOutput(stream.all("message")), /parent=\d/)
  })
})

describe("with a collector that is away", () => {
  it("starts, answers and stops all the same", async () => {
    const service = await startService({
      database: "embedded",
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }
    })
    assert.strictEqual((await service.request("GET", "/api/v1/sessions")).status, 200)
    await stopCleanly(service)
  })
})
