import { WebSocket } from "@effect/platform-node/NodeWS"
import { keepExample, keepExampleText } from "./Examples.ts"
import { at } from "./Json.ts"
import { eventually } from "./Polling.ts"
import type { Service } from "./Service.ts"

/** A frame of the service. */
export type Received = Readonly<Record<string, unknown>>

/** How a connection was closed. */
export interface Closed {
  readonly code: number
  readonly reason: string
}

/** A WebSocket client that keeps what it gets. */
export class Socket {
  readonly frames: Array<Received> = []
  closed: Closed | undefined
  pings = 0
  readonly ws: WebSocket

  constructor(ws: WebSocket) {
    this.ws = ws
    ws.on("message", (data) => {
      const frame: unknown = JSON.parse(String(data))
      keepExample(frame)
      this.frames.push(frame as Received)
    })
    ws.on("ping", () => (this.pings += 1))
    ws.on("close", (code, reason) => (this.closed = { code, reason: String(reason) }))
    ws.on("error", () => undefined)
  }

  /** Sends a frame as JSON, or text as it is. */
  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame))
  }

  /** Waits for a frame. */
  waitFor(what: string, fits: (frame: Received) => boolean, timeoutMillis?: number): Promise<Received> {
    return eventually(
      `a frame: ${what}`,
      () => {
        const found = this.frames.find(fits)
        if (found === undefined && this.closed !== undefined) {
          throw new Error(`Closed with ${this.closed.code} without ${what}: ${JSON.stringify(this.frames)}`)
        }
        return found
      },
      timeoutMillis
    )
  }

  /** Sends a frame and waits for its `ack` or `error`. */
  ask(frame: Readonly<Record<string, unknown>>, request_id: string): Promise<Received> {
    this.send({ ...frame, request_id })
    return this.waitFor(
      `the reply to ${request_id}`,
      (reply) => reply["request_id"] === request_id || at(reply, "error.request_id") === request_id
    )
  }

  /** Events of a run, in order. */
  events(run: unknown): ReadonlyArray<Received> {
    return this.frames.filter(({ run_id, type }) => type === "sse_event" && run_id === run)
  }

  event(run: unknown, name: string): Promise<Received> {
    return this.waitFor(`${name} of ${String(run)}`, ({ event, run_id }) => run_id === run && event === name)
  }

  close(): void {
    this.ws.close()
  }
}

const path = "/api/v1/query/ws"

/** Opens a WebSocket with the operator's key, or as said. */
export const openSocket = async (
  service: Pick<Service, "url" | "key">,
  options: { readonly headers?: Record<string, string>; readonly query?: string } = {}
): Promise<Socket> => {
  const { headers = { "x-api-key": service.key }, query = "" } = options
  const socket = new Socket(new WebSocket(service.url.replace("http", "ws") + path + query, { headers }))
  await eventually("an open connection", () => {
    if (socket.closed !== undefined) throw new Error(`Closed with ${socket.closed.code}`)
    return socket.ws.readyState === WebSocket.OPEN || undefined
  })
  return socket
}

/** What a handshake that is refused is answered with. */
export const refusedHandshake = (
  url: string,
  headers: Record<string, string>,
  query = ""
): Promise<{ readonly status: number; readonly body: unknown; readonly headers: NodeJS.Dict<string | string[]> }> =>
  new Promise((resolve, reject) => {
    const ws = new WebSocket(url.replace("http", "ws") + path + query, { headers })
    ws.on("open", () => reject(new Error("It was accepted")))
    ws.on("error", () => undefined)
    ws.on("unexpected-response", (_request, response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => (text += part))
      response.on("end", () => {
        keepExampleText(text)
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), headers: response.headers })
        ws.terminate()
      })
    })
  })
