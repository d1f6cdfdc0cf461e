import { Context, Effect, Layer, Schema } from "effect"
import type { IncomingMessage } from "node:http"
import { UrlRefused, UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import { hostOf, makeAddressRules } from "./AddressRules.ts"
import { exchange, ExchangeFailed, type OutgoingRequest, readAtMost } from "./Exchange.ts"

/** The operator's exceptions to what may be reached are not hosts, addresses or ranges. */
export class OutboundRulesInvalid extends Schema.TaggedError<OutboundRulesInvalid>()("OutboundRulesInvalid", {
  cause: Schema.Defect()
}) {
  override get message() {
    return "OUTBOUND_ALLOW must be host names, addresses, or ranges such as 10.1.0.0/16, separated by commas."
  }
}

/** How far an exchange may go. */
export interface OutboundLimits {
  /** For all of it, in milliseconds. */
  readonly timeout: number
  readonly maxBytes: number
  /** How many redirects are followed; 3 unless given. An answer that is one too many is an answer. */
  readonly redirects?: number
  /** Whether the answer's body does not matter: then it is not read, and empty. */
  readonly headOnly?: boolean
}

/** A whole answer from outside. */
export interface OutboundAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")]]
    )
  )

/**
 * The way out for URLs that clients give: images, webhooks. A host is resolved first, and the connection is made to
 * the address that was looked at; redirects are looked at in the same way.
 */
export class Outbound extends Context.Service<
  Outbound,
  {
    /** Sends a request and reads its whole answer, whatever its status is. */
    send(request: OutgoingRequest, limits: OutboundLimits): Effect.Effect<OutboundAnswer, UrlRefused | UrlUnreachable>
  }
>()("causeway/outbound/Outbound") {
  /** With the operator's exceptions: hosts, addresses and ranges that may be reached although they are not public. */
  static readonly layer = (exceptions: ReadonlyArray<string>) =>
    Layer.effect(
      Outbound,
      Effect.gen(function* () {
        const rules = yield* Effect.try({
          try: () => makeAddressRules(exceptions),
          catch: (cause) => new OutboundRulesInvalid({ cause })
        })

        const send = Effect.fn("Outbound.send")(function* (request: OutgoingRequest, limits: OutboundLimits) {
          const host = hostOf(request.url)
          const attempt = Effect.tryPromise({
            try: async (signal) => {
              const response = await exchange(rules, request, signal, limits.redirects)
              try {
                const body = limits.headOnly === true ? new Uint8Array() : await readAtMost(response, limits.maxBytes)
                return { response, body }
              } finally {
                response.destroy()
              }
            },
            catch: (cause) => {
              if (!(cause instanceof ExchangeFailed))
                return new UrlUnreachable({ host, reason: "no_connection", cause })
              return cause.reason === "refused"
                ? new UrlRefused({ host: cause.host })
                : new UrlUnreachable({ host: cause.host, reason: cause.reason, cause })
            }
          })
          const { body, response } = yield* Effect.timeoutOrElse(attempt, {
            duration: limits.timeout,
            orElse: () => Effect.fail(new UrlUnreachable({ host, reason: "timed_out" }))
          })
          if (body === null) return yield* new UrlUnreachable({ host, reason: "too_large" })
          return { status: response.statusCode ?? 0, headers: headersOf(response), body }
        })

        return Outbound.of({ send })
      })
    )
}
