import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import { summary } from "./Answer.ts"
import { readConversation, type Conversation } from "./Conversation.ts"
import { errorAnswer } from "./ErrorAnswer.ts"
import { Gates } from "./Gates.ts"
import type { ReceivedRequest } from "./ReceivedRequest.ts"
import { Reply, sendError, sendJson } from "./Reply.ts"
import { isRecord, parseBehaviour, ScriptError, type Behaviour, type Rule, type Script, type Step } from "./Script.ts"

export interface Options {
  readonly port?: number
  readonly host?: string
  /** If given, requests must bring it as `x-api-key` or as a bearer token. */
  readonly apiKey?: string
  /** How many requests are remembered (1000). */
  readonly keep?: number
  readonly script?: Script | Behaviour
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

const MAX_BODY = 32 * 1024 * 1024

class Model {
  readonly #keep: number
  readonly #apiKey: string | undefined
  #behaviour: { rules: ReadonlyArray<Rule>; queue: Array<Step>; default: Script | undefined }
  #received: Array<ReceivedRequest> = []
  readonly #failures = new Map<string, number>()
  readonly gates = new Gates()

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
      const step = this.#stepFor(conversation)
      const reply = new Reply(response, requestId, received.answer, this.gates)
      return reply.send(step, conversation, this.#fails(step, conversation))
    }
    if (request.method === "HEAD" || path === "/api/hello") return sendJson(response, 200, {})
    const message = `${request.method} ${path} is not part of the scripted model`
    return sendError(response, requestId, { status: 404, type: "not_found_error", message })
  }

  /** Whether the step's failure is due for this prompt of this session. */
  #fails(step: Step, conversation: Conversation): boolean {
    if ((step.error ?? step.fault ?? step.stop) === undefined) return false
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

  #remember(request: IncomingMessage, path: string, body: unknown, conversation: Conversation): ReceivedRequest {
    const { kind, sessionId, agentId, model, stream, prompt, step } = conversation
    const received: ReceivedRequest = {
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
      this.gates.open(decodeURIComponent(gate))
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
    open: (gate) => model.gates.open(gate),
    stop: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
