import { lookup, type LookupAddress, type LookupAllOptions } from "node:dns"
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIP, type LookupFunction } from "node:net"
import { type AddressRules, hostOf } from "./AddressRules.ts"

/** One request to somewhere outside. */
export interface OutgoingRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders | Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Whether the address is the operator's own choice, which needs no leave. */
  readonly trusted?: boolean
}

/** Why an exchange came to nothing. */
export class ExchangeFailed extends Error {
  readonly reason: "refused" | "no_such_host" | "no_connection" | "timed_out" | "too_many_redirects"
  readonly host: string

  constructor(reason: ExchangeFailed["reason"], host: string, cause?: unknown) {
    super(`${reason}: ${host}`, { cause })
    this.reason = reason
    this.host = host
  }
}

const connectWithinMillis = 5000

/** Finds the addresses of a host, as `dns.lookup` does. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: Array<LookupAddress>) => void
) => void

/** Resolves a host to those of its addresses that may be reached: the connection is made to one of them and no other. */
const checkedLookup =
  (rules: AddressRules, resolve: Resolve): LookupFunction =>
  (host, options, callback) => {
    resolve(host, { family: options.family ?? 0, hints: options.hints ?? 0, all: true }, (error, found) => {
      if (error !== null) return callback(new ExchangeFailed("no_such_host", host, error), "")
      const allowed = found.filter(({ address }) => rules.allowsAddress(address))
      const [first] = allowed
      if (first === undefined) return callback(new ExchangeFailed("refused", host), "")
      if (options.all === true) return callback(null, allowed)
      return callback(null, first.address, first.family)
    })
  }

const once = (
  rules: AddressRules,
  outgoing: OutgoingRequest,
  signal: AbortSignal,
  resolve: Resolve
): Promise<IncomingMessage> =>
  new Promise((fulfil, reject) => {
    const { body, headers, method, trusted, url } = outgoing
    const host = hostOf(url)
    const free = trusted === true || rules.allowsHost(host)
    const send = url.protocol === "https:" ? httpsRequest : url.protocol === "http:" ? httpRequest : undefined
    if (send === undefined || (!free && isIP(host) !== 0 && !rules.allowsAddress(host))) {
      return reject(new ExchangeFailed("refused", host))
    }
    const request: ClientRequest = send(url, {
      method,
      headers,
      signal,
      agent: false,
      ...(free ? {} : { lookup: checkedLookup(rules, resolve) })
    })
    const late = setTimeout(() => request.destroy(new ExchangeFailed("timed_out", host)), connectWithinMillis)
    request.on("socket", (socket) =>
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(late))
    )
    request.once("response", fulfil)
    request.once("error", (error) =>
      reject(error instanceof ExchangeFailed ? error : new ExchangeFailed("no_connection", host, error))
    )
    request.once("close", () => clearTimeout(late))
    request.end(body)
  })

const redirects = new Set([301, 302, 303, 307, 308])

/** What a redirected request is: another host gets no header that was meant for the first. */
const redirected = (outgoing: OutgoingRequest, status: number, location: string): OutgoingRequest => {
  const url = new URL(location, outgoing.url)
  const moved = { ...outgoing, url, headers: url.origin === outgoing.url.origin ? outgoing.headers : {} }
  const { body: _body, ...bodiless } = moved
  const asGet = status === 303 || (status < 303 && outgoing.method === "POST")
  return asGet && outgoing.method !== "HEAD" ? { ...bodiless, method: "GET" } : moved
}

/**
 * Sends a request and resolves with the head of its answer. Each address is looked at before it is connected to, those
 * of redirects too. Rejects with `ExchangeFailed`; the signal ends it at any time.
 */
export const exchange = async (
  rules: AddressRules,
  outgoing: OutgoingRequest,
  signal: AbortSignal,
  mostRedirects = 3,
  resolve: Resolve = lookup
): Promise<IncomingMessage> => {
  const response = await once(rules, outgoing, signal, resolve)
  const { location } = response.headers
  const status = response.statusCode ?? 0
  if (!redirects.has(status) || location === undefined || mostRedirects === 0) return response
  response.destroy()
  if (!URL.canParse(location, outgoing.url.href)) throw new ExchangeFailed("no_connection", hostOf(outgoing.url))
  const next = redirected(outgoing, status, location)
  // What the operator chose is the first address, not where it sends us.
  return exchange(
    rules,
    { ...next, trusted: outgoing.trusted === true && next.url.origin === outgoing.url.origin },
    signal,
    mostRedirects - 1,
    resolve
  )
}

/** Reads a message's body to its end; null when it is longer than it may be. */
export const readAtMost = async (message: IncomingMessage, maxBytes: number): Promise<Uint8Array | null> => {
  if (Number(message.headers["content-length"]) > maxBytes) return null
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
