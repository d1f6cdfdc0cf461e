import { once } from "node:events"
import type { ServerResponse } from "node:http"
import { setImmediate as nextTick, setTimeout as sleep } from "node:timers/promises"
import { answer, fillIn, type Answer } from "./Answer.ts"
import type { Conversation } from "./Conversation.ts"
import { errorAnswer, errorBody, type ErrorAnswer } from "./ErrorAnswer.ts"
import type { Gates } from "./Gates.ts"
import { encode, frames, isDelta, messageBody } from "./MessageStream.ts"
import type { Outcome } from "./ReceivedRequest.ts"
import type { Fault, Step } from "./Script.ts"

const DELTAS_PER_TICK = 200
/** Long enough for what was written before a cut to be read on the other side. */
const BEFORE_CUT = 25

/** One answer on its way out. */
export class Reply {
  readonly #response: ServerResponse
  readonly #requestId: string
  readonly #outcome: Outcome
  readonly #gates: Gates
  readonly #gone = new AbortController()
  /** Rejects when the answer is over, for whatever reason. */
  readonly #over: Promise<never>

  constructor(response: ServerResponse, requestId: string, outcome: Outcome, gates: Gates) {
    this.#response = response
    this.#requestId = requestId
    this.#outcome = outcome
    this.#gates = gates
    const { signal } = this.#gone
    this.#over = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    this.#over.catch(() => {})
    response.once("close", () => this.#gone.abort())
  }

  async send(step: Step, conversation: Conversation, fails: boolean): Promise<void> {
    if (step.delay !== undefined) await this.#wait(step.delay)
    if (step.hold !== undefined && step.after === undefined) await this.#hold(step.hold)
    if (fails && step.error !== undefined) return this.#error(step, step.error, conversation)

    const fault = fails ? step.fault : undefined
    if (fault === "hang_before") return this.#over
    if (fault === "reset") return this.#break()
    if (fault === "html") {
      this.#response.writeHead(200, { "content-type": "text/html" })
      return this.#end("<!doctype html><html><body><h1>Welcome to the proxy</h1></body></html>")
    }
    const message = answer(step, conversation, fails ? step.stop : undefined)
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
    let started = performance.now()
    let gate = step.after === undefined ? undefined : step.hold
    for (const frame of frames(message, step.chunk ?? 20)) {
      const isEnd = frame.event === "message_delta"
      if (isDelta(frame) || isEnd) {
        const isTime = isEnd || this.#outcome.deltas >= (step.after ?? 1)
        if (isTime && gate !== undefined) {
          const since = performance.now()
          await this.#hold(gate)
          started += performance.now() - since
        }
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
        this.#end(`event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"te\n\n`)
        return true
      case "error_event": {
        const data = errorBody({ type: "overloaded_error", message: text }, this.#requestId)
        this.#end(encode({ event: "error", data }))
        return true
      }
      case "hang":
        return this.#over
      default:
        return false
    }
  }

  #end(text = ""): void {
    this.#outcome.state = "broken"
    this.#response.end(text)
  }

  #break(): void {
    this.#outcome.state = "broken"
    this.#response.destroy()
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#gone.signal })
  }

  async #hold(gate: string): Promise<void> {
    await Promise.race([this.#gates.opened(gate), this.#over])
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

export function sendError(response: ServerResponse, requestId: string, error: ErrorAnswer): void {
  sendJson(response, error.status, errorBody(error, requestId))
}
