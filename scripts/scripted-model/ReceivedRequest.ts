import type { IncomingHttpHeaders } from "node:http"
import type { RequestKind } from "./Conversation.ts"

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
  /** 0 until the answer is over, and if it had no head. */
  status: number
  deltas: number
  /** Milliseconds from the request to the end of the answer. */
  ms: number
}
