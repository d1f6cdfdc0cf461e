import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Moment } from "../domain/Moment.ts"
import { Authentication } from "./Authentication.ts"
import { writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

/** A ticket with its secret, which is shown this once. */
export const WebSocketTicket = Schema.Struct({
  /** Goes into the query of `/api/v1/query/ws`. */
  ticket: Schema.String,
  /** Until then it must have been used. */
  expires_at: Moment
}).annotate({ identifier: "WebSocketTicket" })

/** Tickets for clients that can send no header when they open a WebSocket, as browsers. */
export class WebSocketTicketsApi extends HttpApiGroup.make("webSocketTickets")
  .add(
    HttpApiEndpoint.post("create", "/ws-tickets", {
      success: WebSocketTicket.pipe(HttpApiSchema.status(201)),
      error: writeProblems
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Create a WebSocket ticket",
        description: "It opens one WebSocket, on any instance, within 30 seconds, with all that the key may."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "WebSocket tickets",
      description: "For browsers, which can send no header when they open a WebSocket."
    })
  ) {}
