import { createHmac } from "node:crypto"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll } from "vitest"
import { isRecord } from "../../scripts/scripted-model/Script.ts"

/** A call as the endpoint got it. */
export interface ReceivedCall {
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Answers a call of a hook; nothing at all when it gives nothing. */
export type Answer = (call: ReceivedCall, response: ServerResponse) => void

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify(body))
  }

const bodyOf = (text: string): Readonly<Record<string, unknown>> => {
  const body: unknown = JSON.parse(text)
  return isRecord(body) ? body : {}
}

/** An endpoint for hooks on 127.0.0.9, for the tests of a file. */
export const useHookEndpoint = (answer: Answer) => {
  const calls: Array<ReceivedCall> = []
  const server = createServer((request, response) => {
    let text = ""
    request.setEncoding("utf8")
    request.on("data", (chunk: string) => (text += chunk))
    request.on("end", () => {
      const call = { path: request.url ?? "", headers: request.headers, text, body: bodyOf(text) }
      calls.push(call)
      answer(call, response)
    })
  })
  let port = 0
  beforeAll(async () => {
    await new Promise<void>((listening) => server.listen(0, "127.0.0.9", listening))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return { calls, port: () => port, url: (path: string, host = "127.0.0.9") => `http://${host}:${port}${path}` }
}

/** The signature of Standard Webhooks, version 1, of a call that came. */
export const signatureOf = (secret: string, { headers, text }: ReceivedCall): string =>
  `v1,${createHmac("sha256", Buffer.from(secret.slice("whsec_".length), "base64"))
    .update(`${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${text}`)
    .digest("base64")}`
