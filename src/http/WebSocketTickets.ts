import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { WebSocketTickets } from "../services/WebSocketTickets.ts"

/** Answers the endpoint of WebSocket tickets. */
export const WebSocketTicketsHandlers = HttpApiBuilder.group(
  Api,
  "webSocketTickets",
  Effect.fn(function* (handlers) {
    const tickets = yield* WebSocketTickets
    return handlers.handle(
      "create",
      Effect.fn("webSocketTickets.create")(function* () {
        const { expires_at, ticket } = yield* tickets.issue(yield* CurrentPrincipal)
        return { ticket: Redacted.value(ticket), expires_at }
      })
    )
  })
)
