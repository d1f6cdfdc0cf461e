import { Effect } from "effect"
import { type Headers, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { OriginRefused, ShuttingDown, UpgradeRequired } from "../domain/errors/RequestErrors.ts"
import { Admission } from "../services/Admission.ts"
import { restartSeconds } from "./Answers.ts"
import { allowsOrigin } from "./Cors.ts"
import { countRequest } from "./HttpMetrics.ts"
import { OpenStreams } from "./OpenStreams.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { makeConnections } from "./WebSocketConnections.ts"
import { WebSocketRules } from "./WebSocketRules.ts"
import { openWire } from "./WebSocketWire.ts"

const switchingProtocols = 101

/** The client's half of the handshake (RFC 6455, section 4.2.1). */
const isHandshake = (headers: Headers.Headers): boolean =>
  headers["upgrade"]?.toLowerCase() === "websocket" &&
  headers["sec-websocket-version"] === "13" &&
  /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "")

const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null)

/** Answers the endpoint that becomes a WebSocket. */
export const WebSocketHandlers = HttpApiBuilder.group(
  Api,
  "webSocket",
  Effect.fn(function* (handlers) {
    const { maxFrameBytes, origins } = yield* WebSocketRules
    const admission = yield* Admission
    const streams = yield* OpenStreams
    const serve = yield* makeConnections(maxFrameBytes)

    // A browser lets any page open a WebSocket and says which one it is. The service's own pages may.
    const check = Effect.fnUntraced(function* (headers: Headers.Headers) {
      if (!isHandshake(headers)) return yield* new UpgradeRequired()
      const { host, origin } = headers
      if (origin !== undefined && hostOf(origin) !== host && !allowsOrigin(origins, origin)) {
        return yield* new OriginRefused()
      }
      if (yield* admission.isShut) return yield* new ShuttingDown({ retry_after_seconds: restartSeconds })
    })

    return handlers.handle(
      "connect",
      Effect.fn("webSocket.connect")(function* ({ request }) {
        yield* check(request.headers)
        const principal = yield* CurrentPrincipal
        yield* streams.enter(principal.tenant_id)
        const record = yield* CurrentRecord
        const context = yield* Effect.context<never>()
        const serveWire = Effect.gen(function* () {
          const wire = yield* openWire(request, yield* request.upgrade)
          record.isUpgraded = true
          countRequest(context, record, switchingProtocols)
          yield* streams.add(wire.outlet)
          yield* serve(principal, wire)
        })
        // A client that leaves before it has a WebSocket needs no answer.
        yield* Effect.scoped(serveWire).pipe(Effect.catch(() => Effect.interrupt))
        return HttpServerResponse.empty({ status: switchingProtocols })
      })
    )
  })
)
