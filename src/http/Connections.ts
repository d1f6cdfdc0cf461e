import { Effect } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http"
import { problemContentType, toProblem } from "../api/Problem.ts"
import { entryOf, type Failure } from "../domain/errors/catalogue.ts"
import { HeadersTooLarge, RequestMalformed, RequestTimedOut } from "../domain/errors/RequestErrors.ts"
import { report } from "./Failures.ts"
import { countRequest } from "./HttpMetrics.ts"
import { requestIdOf } from "./RequestId.ts"
import { encodeResourceUri } from "./ResourcePaths.ts"
import { RequestRecord } from "./RequestRecord.ts"
import type { ServerOptions } from "./ServerOptions.ts"

/** Longer than the minute for which load balancers keep a connection, so that they close it first. */
const keepAliveTimeout = 65_000

const maxHeaderSize = 16 * 1024

/** Milliseconds that a client has for reading the answer before its connection is taken away. */
const readingTime = 1000

/** What is needed of a connection. */
interface Connection {
  readonly writable: boolean
  end(text: string): unknown
  destroy(): unknown
  once(event: "close", listener: () => void): unknown
}

const failureOf = (error: Error): Failure | undefined => {
  switch ("code" in error ? error.code : undefined) {
    case "ECONNRESET":
    case "EPIPE":
      return undefined
    case "HPE_HEADER_OVERFLOW":
      return new HeadersTooLarge()
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RequestTimedOut()
    default:
      return new RequestMalformed()
  }
}

const answerText = (failure: Failure, requestId: string): string => {
  const { status } = entryOf(failure._tag)
  const body = JSON.stringify(toProblem(failure, requestId))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `content-type: ${problemContentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    `date: ${new Date().toUTCString()}`,
    "connection: close"
  ]
  return `${head.join("\r\n")}\r\n\r\n${body}`
}

/** The answers that are under way on each connection. */
const openAnswers = (server: Server) => {
  const open = new WeakMap<Connection, Set<ServerResponse>>()
  const note = (request: IncomingMessage, response: ServerResponse) => {
    const answers = open.get(request.socket) ?? new Set()
    open.set(request.socket, answers.add(response))
    response.once("close", () => answers.delete(response))
  }
  server.on("request", note).on("checkContinue", note)
  return (socket: Connection) => [...(open.get(socket) ?? [])]
}

/**
 * A server whose every answer has the one error body, also where the bytes that came in are
 * no request: Node would answer those by itself, with nothing in it, and tell nobody.
 */
export const makeServer = (options: ServerOptions): Effect.Effect<() => Server> =>
  Effect.map(Effect.context<never>(), (context) => () => {
    const { headersTimeout = 15_000, requestTimeout = 60_000 } = options
    const server = createServer({
      maxHeaderSize,
      keepAliveTimeout,
      headersTimeout,
      requestTimeout,
      connectionsCheckingInterval: Math.ceil(Math.min(headersTimeout, requestTimeout) / 4),
      // A missing Host is refused at the edge, with a body.
      requireHostHeader: false
    })
    server.prependListener("request", (request) => {
      request.url = encodeResourceUri(request.url ?? "/")
    })
    const answersOn = openAnswers(server)
    const refused = new WeakSet<Connection>()

    const refuse = (socket: Connection, failure: Failure) => {
      const record = new RequestRecord(requestIdOf(undefined), "other")
      countRequest(context, record, entryOf(failure._tag).status)
      Effect.runForkWith(context)(report(failure, record))
      refused.add(socket)
      socket.end(answerText(failure, record.requestId))
      const end = setTimeout(() => socket.destroy(), readingTime)
      socket.once("close", () => clearTimeout(end))
    }

    server.on("clientError", (error, socket) => {
      if (refused.has(socket)) return
      const failure = failureOf(error)
      const hasBegun = answersOn(socket).some((answer) => answer.headersSent)
      if (failure === undefined || hasBegun || !socket.writable) socket.destroy()
      else refuse(socket, failure)
    })
    server.on("connect", (_request, socket) => refuse(socket, new RequestMalformed()))
    // An expectation that is not known may be ignored (RFC 9110, section 10.1.1).
    server.on("checkExpectation", (request, response) => server.emit("request", request, response))
    return server
  })
