import { Schema } from "effect"

/** The SHA-256 of a ticket in hexadecimal. A ticket is 256 random bits, so a fast hash is enough. */
export const WebSocketTicketHash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)).pipe(
  Schema.brand("WebSocketTicketHash")
)
export type WebSocketTicketHash = typeof WebSocketTicketHash.Type
