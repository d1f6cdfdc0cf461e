import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"

/** Most bytes that are taken in after the answer is known. */
const mostBytes = 64 * 1024 * 1024

/** Longest time for it. */
const longest = "5 seconds"

/** Whether a request has a body. */
export const carriesBody = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

/**
 * Takes in the rest of a body that nobody wants, within limits. Many clients read no answer
 * before they have sent all; if the connection were closed under them they would see a reset
 * instead of the reason.
 */
export const discardBody = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void> =>
  Effect.suspend(() => {
    const message = NodeHttpServerRequest.toIncomingMessage(request)
    // Who sends `Expect: 100-continue` waits for the answer and sends nothing.
    const pointless = request.headers["expect"] !== undefined || Number(request.headers["content-length"]) > mostBytes
    if (message.complete || message.destroyed || pointless) return Effect.void
    return Effect.callback<void>((resume) => {
      let bytes = 0
      const done = () => resume(Effect.void)
      const count = (chunk: Uint8Array) => {
        bytes += chunk.length
        if (bytes > mostBytes) done()
      }
      message.on("data", count).once("end", done).once("close", done).resume()
      return Effect.sync(() => message.off("data", count).off("end", done).off("close", done).pause())
    }).pipe(Effect.timeoutOption(longest), Effect.asVoid)
  })
