import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import { setImmediate as nextTick, setTimeout as sleep } from "node:timers/promises"
import { answer, fillIn, summary, type Answer } from "./Answer.ts"
import { readConversation, type Conversation, type RequestKind } from "./Conversation.ts"
import { errorAnswer, errorBody } from "./ErrorAnswer.ts"
import { encode, frames, isDelta, messageBody } from "./MessageStream.ts"
import {
  isRecord,
  parseBehaviour,
  ScriptError,
  type Behaviour,
  type Fault,
  type Rule,
  type Script,
  type Step
} from "./Script.ts"

export interface Options {
  readonly port?: number
  readonly host?: string
  /** If given, requests must bring it as `x-api-key` or as a bearer token. */
  readonly apiKey?: string
  /** How many requests are remembered (1000). */
  readonly keep?: number
  readonly script?: Script | Behaviour
}

export interface ReceivedRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
  readonly kind: RequestKind | "other"
  readonly sessionId: string
  readonly agentId: string
  readonly model: string
  readonly stream: boolean
  readonly prompt: string
  readonly step: number
  readonly answer: Outcome
}

export interface Outcome {
  /** `closed`: the other side hung up before the end; `broken`: a scripted fault ended it. */
  state: "open" | "complete" | "broken" | "closed"
  status: number
  deltas: number
  /** Milliseconds from the request to the end of the answer. */
  ms: number
}

export interface ScriptedModel {
  readonly url: string
  readonly port: number
  readonly requests: () => ReadonlyArray<ReceivedRequest>
  readonly clear: () => void
  readonly setScript: (script: Script | Behaviour) => void
  /** Lets every step go on that holds at this gate, now and later. */
  readonly open: (gate: string) => void
  readonly stop: () => Promise<void>
}

interface Received extends ReceivedRequest {
  readonly answer: Outcome
}

const MAX_BODY = 32 * 1024 * 1024
const DELTAS_PER_TICK = 200
/** Long enough for what was written before a cut to be read on the other side. */
const BEFORE_CUT = 25

class Gate {
  open: () => void = () => {}
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}

class Model {
  readonly #keep: number
  readonly #apiKey: string | undefined
  #behaviour: { rules: ReadonlyArray<Rule>; queue: Array<Step>; default: Script | undefined }
  #received: Array<Received> = []
  readonly #failures = new Map<string, number>()
  readonly #gates = new Map<string, Gate>()

  constructor(options: Options) {
    this.#keep = options.keep ?? 1000
    this.#apiKey = options.apiKey
    this.#behaviour = { rules: [], queue: [], default: undefined }
    if (options.script !== undefined) this.setScript(options.script)
  }

  requests(): ReadonlyArray<ReceivedRequest> {
    return this.#received
  }

  clear(): void {
    this.#received = []
  }

  setScript(source: unknown): void {
    const behaviour = parseBehaviour(source)
    this.#behaviour = {
      rules: behaviour.rules ?? [],
      queue: [...(behaviour.queue ?? [])],
      default: behaviour.default
    }
    this.#failures.clear()
  }

  gate(name: string): Gate {
    const known = this.#gates.get(name) ?? new Gate()
    this.#gates.set(name, known)
    return known
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?")[0] ?? "/"
    const text = await readText(request)
    const body = parseJson(text)
    if (path.startsWith("/control/")) return this.#control(`${request.method} ${path}`, body, response)

    const requestId = `req_01${randomUUID().replaceAll("-", "").slice(0, 22)}`
    response.setHeader("request-id", requestId)
    const conversation = readConversation(isRecord(body) ? body : {}, request.headers)
    const received = this.#remember(request, path, body, conversation)
    response.on("close", () => {
      const { answer } = received
      answer.status = response.headersSent ? response.statusCode : 0
      answer.ms = Date.now() - received.at
      if (answer.state === "open") answer.state = response.writableFinished ? "complete" : "closed"
    })

    if (!this.#mayPass(request.headers)) return sendError(response, requestId, errorAnswer("authentication"))
    if (text === undefined) return sendError(response, requestId, errorAnswer("too_large"))
    if (request.method === "POST" && path === "/v1/messages/count_tokens") {
      return sendJson(response, 200, { input_tokens: conversation.tokens.before + conversation.tokens.last })
    }
    if (request.method === "POST" && path === "/v1/messages") {
      if (!isRecord(body)) {
        const message = "The request body is not valid JSON"
        return sendError(response, requestId, { ...errorAnswer(400), message })
      }
      const reply = new Reply(this, response, requestId, received.answer)
      return reply.send(this.#stepFor(conversation), conversation)
    }
    if (request.method === "HEAD" || path === "/api/hello") return sendJson(response, 200, {})
    const message = `${request.method} ${path} is not part of the scripted model`
    return sendError(response, requestId, { status: 404, type: "not_found_error", message })
  }

  /** Whether a step's failure is still due for this prompt of this session. */
  isDue(step: Step, conversation: Conversation): boolean {
    if (step.model !== undefined && !conversation.model.includes(step.model)) return false
    if (step.times === undefined) return true
    const count = (this.#failures.get(conversation.key) ?? 0) + 1
    if (this.#failures.size > 10_000) this.#failures.clear()
    this.#failures.set(conversation.key, count)
    return count <= step.times
  }

  #stepFor(conversation: Conversation): Step {
    const rule = this.#behaviour.rules.find((rule) => fits(rule, conversation))
    if (rule !== undefined) return stepAt(rule.steps, conversation.step)
    if (conversation.kind === "title") return { text: `{"title":"Scripted session"}` }
    if (conversation.kind === "summary") return { text: summary(conversation) }
    if (conversation.kind === "probe") return { text: "Hi" }
    const next = conversation.kind === "main" ? this.#behaviour.queue.shift() : undefined
    if (next !== undefined) return next
    if (conversation.script !== undefined) return stepAt(conversation.script, conversation.step)
    if (this.#behaviour.default !== undefined && conversation.kind === "main") {
      return stepAt(this.#behaviour.default, conversation.step)
    }
    return {}
  }

  #remember(request: IncomingMessage, path: string, body: unknown, conversation: Conversation): Received {
    const { kind, sessionId, agentId, model, stream, prompt, step } = conversation
    const received: Received = {
      at: Date.now(),
      method: request.method ?? "",
      path,
      headers: request.headers,
      body,
      kind: path === "/v1/messages" ? kind : "other",
      sessionId,
      agentId,
      model,
      stream,
      prompt,
      step,
      answer: { state: "open", status: 0, deltas: 0, ms: 0 }
    }
    this.#received.push(received)
    if (this.#received.length > this.#keep) this.#received.shift()
    return received
  }

  #mayPass(headers: IncomingHttpHeaders): boolean {
    if (this.#apiKey === undefined) return true
    return headers["x-api-key"] === this.#apiKey || headers.authorization === `Bearer ${this.#apiKey}`
  }

  #control(route: string, body: unknown, response: ServerResponse): void {
    if (route === "GET /control/requests") return sendJson(response, 200, this.#received)
    if (route === "DELETE /control/requests") {
      this.clear()
      return sendJson(response, 200, {})
    }
    if (route === "PUT /control/script" || route === "DELETE /control/script") {
      try {
        this.setScript(route.startsWith("PUT") ? body : {})
        return sendJson(response, 200, {})
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error
        return sendJson(response, 422, { message: error.message })
      }
    }
    const gate = /^POST \/control\/gates\/([^/]+)$/.exec(route)?.[1]
    if (gate !== undefined) {
      this.gate(decodeURIComponent(gate)).open()
      return sendJson(response, 200, {})
    }
    return sendJson(response, 404, { message: `${route} does not exist` })
  }
}

const contains = (text: string, part: string | undefined) => part === undefined || text.includes(part)

const fits = (rule: Rule, conversation: Conversation): boolean =>
  (rule.kind === undefined || rule.kind === conversation.kind) &&
  contains(conversation.model, rule.model) &&
  contains(conversation.system, rule.system) &&
  contains(conversation.prompt, rule.prompt)

function stepAt(script: Script, index: number): Step {
  const last = script.at(-1)
  return script[index] ?? (last?.repeat === true ? last : { text: "The script is over." })
}

/** One answer on its way out. */
class Reply {
  readonly #model: Model
  readonly #response: ServerResponse
  readonly #requestId: string
  readonly #outcome: Outcome
  readonly #gone = new AbortController()
  /** Rejects when the answer is over, for whatever reason. */
  readonly #over: Promise<never>

  constructor(model: Model, response: ServerResponse, requestId: string, outcome: Outcome) {
    this.#model = model
    this.#response = response
    this.#requestId = requestId
    this.#outcome = outcome
    const { signal } = this.#gone
    this.#over = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    this.#over.catch(() => {})
    response.once("close", () => this.#gone.abort())
  }

  async send(step: Step, conversation: Conversation): Promise<void> {
    const fails = step.error ?? step.fault ?? step.stop
    const due = fails !== undefined && this.#model.isDue(step, conversation)
    if (step.delay !== undefined) await this.#wait(step.delay)
    if (step.hold !== undefined && step.after === undefined) await this.#hold(step.hold)
    if (due && step.error !== undefined) return this.#error(step, step.error, conversation)

    const fault = due ? step.fault : undefined
    if (fault === "hang_before") return this.#over
    if (fault === "reset") return this.#break()
    if (fault === "html") {
      this.#response.writeHead(200, { "content-type": "text/html" })
      this.#response.end("<!doctype html><html><body><h1>Welcome to the proxy</h1></body></html>")
      return
    }
    const message = answer(step, conversation, due ? step.stop : undefined)
    if (!conversation.stream) return sendJson(this.#response, 200, messageBody(message))
    return this.#stream(step, fault, message)
  }

  #error(step: Step, error: NonNullable<Step["error"]>, conversation: Conversation): void {
    const known = errorAnswer(error)
    const message = fillIn(step.message ?? known.message, conversation)
    if (step.retry_after !== undefined) this.#response.setHeader("retry-after", String(step.retry_after))
    sendError(this.#response, this.#requestId, { ...known, message })
  }

  async #stream(step: Step, fault: Fault | undefined, message: Answer): Promise<void> {
    this.#response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" })
    this.#response.flushHeaders()
    if (fault === "empty_stream") return this.#end()
    const every = step.every ?? 0
    const started = performance.now()
    let gate = step.after === undefined ? undefined : step.hold
    for (const frame of frames(message, step.chunk ?? 20)) {
      const isEnd = frame.event === "message_delta"
      if (isDelta(frame) || isEnd) {
        const isTime = isEnd || this.#outcome.deltas >= (step.after ?? 1)
        if (isTime && gate !== undefined) await this.#hold(gate)
        if (isTime) gate = undefined
        if (isTime && (await this.#fail(fault, step.message))) return
      }
      if (isDelta(frame)) {
        const late = performance.now() - started - every * this.#outcome.deltas
        if (every > 0 && late < 0) await this.#wait(-late)
        else if (this.#outcome.deltas % DELTAS_PER_TICK === 0) await nextTick(undefined, { signal: this.#gone.signal })
        this.#outcome.deltas++
      }
      if (frame.event === "message_stop" && fault === "no_message_stop") return this.#end()
      if (!this.#response.write(encode(frame))) await once(this.#response, "drain", { signal: this.#gone.signal })
    }
    this.#response.end()
  }

  /** Faults in the middle of a stream. True if the answer is over. */
  async #fail(fault: Fault | undefined, text = "Overloaded"): Promise<boolean> {
    switch (fault) {
      case "cut":
        await this.#wait(BEFORE_CUT)
        this.#break()
        return true
      case "end":
        this.#end()
        return true
      case "bad_json":
        await this.#write(`event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"te\n\n`)
        this.#end()
        return true
      case "error_event": {
        const data = errorBody({ type: "overloaded_error", message: text }, this.#requestId)
        await this.#write(encode({ event: "error", data }))
        this.#end()
        return true
      }
      case "hang":
        return this.#over
      default:
        return false
    }
  }

  async #write(text: string): Promise<void> {
    await new Promise((written) => this.#response.write(text, written))
  }

  #end(): void {
    this.#outcome.state = "broken"
    this.#response.end()
  }

  #break(): void {
    this.#outcome.state = "broken"
    this.#response.destroy()
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#gone.signal })
  }

  async #hold(gate: string): Promise<void> {
    await Promise.race([this.#model.gate(gate).opened, this.#over])
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

function sendError(
  response: ServerResponse,
  requestId: string,
  error: { status: number; type: string; message: string }
): void {
  sendJson(response, error.status, errorBody(error, requestId))
}

/** The body, or nothing of it if it is too large. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
  }
  return size <= MAX_BODY ? Buffer.concat(chunks).toString("utf8") : undefined
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export async function startScriptedModel(options: Options = {}): Promise<ScriptedModel> {
  const model = new Model(options)
  const server = createServer((request, response) => {
    model.handle(request, response).catch((error: unknown) => {
      if (!response.destroyed && !(error instanceof Error && error.name === "AbortError")) console.error(error)
      response.destroy()
    })
  })
  server.requestTimeout = 0
  server.keepAliveTimeout = 0
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("The scripted model has no port")
  return {
    url: `http://${options.host ?? "127.0.0.1"}:${address.port}`,
    port: address.port,
    requests: () => model.requests(),
    clear: () => model.clear(),
    setScript: (script) => model.setScript(script),
    open: (gate) => model.gate(gate).open(),
    stop: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
