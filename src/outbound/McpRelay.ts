import { Context, Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { McpRemote } from "../domain/McpServer.ts"
import { type AddressRules, makeAddressRules } from "./AddressRules.ts"
import { exchange, ExchangeFailed, readAtMost } from "./Exchange.ts"
import { OutboundRulesInvalid } from "./Outbound.ts"

/** A server as it is reached through the relay. */
export type RelayedServer = McpRemote

/** How a server is relayed. */
export interface RelayOptions {
  /** Whether the operator chose the address, so that it may be any. */
  readonly trusted: boolean
  /** Most bytes of one answer; without it there is no bound. */
  readonly maxAnswerBytes?: number
}

interface Target extends RelayOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/** The status of an answer of the relay's own: the server's address may not be reached (RFC 9110, section 15.5.20). */
const relayRefusal = 421

/** Says which server is meant; whoever does not know it gets nowhere. */
const ticketHeader = "x-causeway-relay"

const hopByHop = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  ticketHeader
])

/** What would have a client go somewhere else by itself, past the relay: redirects, and where to authenticate. */
const leadingAway = new Set(["location", "www-authenticate", "refresh"])

/** Longest request of an MCP client. */
const mostRequestBytes = 16 * 1024 * 1024

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)))

/** The relay's own path is that of the server; the server's query, which may be a secret, is added here. */
const urlAt = (target: URL, path: string): URL => {
  const url = new URL(`${target.origin}${path.startsWith("/") ? path : "/"}`)
  if (url.pathname === target.pathname && url.search === "") url.search = target.search
  return url
}

const refuse = (response: ServerResponse, status: number, reason: string) => {
  if (response.headersSent) return response.destroy()
  return response.writeHead(status, { "content-type": "text/plain" }).end(reason)
}

const forward = async (rules: AddressRules, target: Target, request: IncomingMessage, response: ServerResponse) => {
  const gone = new AbortController()
  response.once("close", () => gone.abort())
  const body = await readAtMost(request, mostRequestBytes)
  if (body === null) return refuse(response, 413, "too_large")
  const { "content-length": _length, "accept-encoding": _encoding, ...headers } = endToEnd(request.headers)
  const answer = await exchange(
    rules,
    {
      method: request.method ?? "GET",
      url: urlAt(target.url, request.url ?? "/"),
      headers: {
        ...headers,
        ...lowerCased(target.headers),
        ...(body.length === 0 ? {} : { "content-length": String(body.length) })
      },
      ...(body.length === 0 ? {} : { body }),
      trusted: target.trusted
    },
    gone.signal
  )
  answer.once("error", () => response.destroy())
  const heads = Object.entries(endToEnd(answer.headers)).filter(([name]) => !leadingAway.has(name))
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(heads))
  // Who waits for an event stream waits for its head too.
  response.flushHeaders()
  let left = target.maxAnswerBytes ?? Infinity
  answer.on("data", (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) gone.abort()
  })
  answer.pipe(response)
  return undefined
}

/**
 * A door on loopback through which agents reach MCP servers by HTTP. Their addresses are looked at here, whenever they
 * are connected to; and what authenticates us to them is added here, so that an agent never has it.
 */
export class McpRelay extends Context.Service<
  McpRelay,
  {
    /** What an MCP client on this machine is to be given in place of a server, until the scope closes. */
    open(server: McpRemote, options: RelayOptions): Effect.Effect<RelayedServer, never, Scope.Scope>
  }
>()("causeway/outbound/McpRelay") {
  static readonly layer = (exceptions: ReadonlyArray<string>) =>
    Layer.effect(
      McpRelay,
      Effect.gen(function* () {
        const rules = yield* Effect.try({
          try: () => makeAddressRules(exceptions),
          catch: (cause) => new OutboundRulesInvalid({ cause })
        })
        const targets = new Map<string, Target>()

        const server = createServer((request, response) => {
          const target = targets.get(String(request.headers[ticketHeader]))
          if (target === undefined) return refuse(response, 404, "unknown")
          return forward(rules, target, request, response).catch((cause: unknown) => {
            const refused = cause instanceof ExchangeFailed && cause.reason === "refused"
            refuse(response, refused ? relayRefusal : 502, refused ? "refused" : "unreachable")
          })
        })
        server.requestTimeout = 0
        const port = yield* Effect.acquireRelease(
          Effect.promise(
            () =>
              new Promise<number>((resolve) => {
                server.listen(0, "127.0.0.1", () => {
                  const address = server.address()
                  resolve(typeof address === "object" && address !== null ? address.port : 0)
                })
              })
          ),
          () =>
            Effect.sync(() => {
              server.close()
              server.closeAllConnections()
            })
        )

        const open = Effect.fn("McpRelay.open")(function* ({ headers, type, url }: McpRemote, options: RelayOptions) {
          const target = new URL(url)
          const ticket = randomBytes(32).toString("base64url")
          yield* Effect.acquireRelease(
            Effect.sync(() => targets.set(ticket, { ...options, url: target, headers })),
            () => Effect.sync(() => targets.delete(ticket))
          )
          return { type, url: `http://127.0.0.1:${port}${target.pathname}`, headers: { [ticketHeader]: ticket } }
        })

        return McpRelay.of({ open })
      })
    )
}
