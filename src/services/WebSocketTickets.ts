import { Context, type DateTime, Effect, Layer, Option, Redacted } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import type { Principal } from "../domain/ApiKey.ts"
import { Unauthorized } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { WebSocketTicketHash } from "../domain/WebSocketTicket.ts"
import { WebSocketTicketRepository } from "../storage/WebSocketTicketRepository.ts"

/** A ticket with its secret, which nobody can see again. */
export interface IssuedTicket {
  readonly ticket: Redacted.Redacted
  readonly expires_at: DateTime.Utc
}

/** A ticket is for a page that opens its WebSocket right away, in milliseconds. */
const ticketLife = 30_000

/** Random bytes of a ticket. */
const secretBytes = 32

const encoder = new TextEncoder()

/** Tickets: what a browser opens a WebSocket with, since it can send no header then. */
export class WebSocketTickets extends Context.Service<
  WebSocketTickets,
  {
    /** Makes a ticket that stands for the principal, once and for 30 seconds. */
    issue(principal: Principal): Effect.Effect<IssuedTicket, DatabaseFailure>
    /** Uses a ticket up: who it stands for. */
    redeem(ticket: Redacted.Redacted): Effect.Effect<Principal, Unauthorized | DatabaseFailure>
  }
>()("causeway/services/WebSocketTickets") {
  static readonly layer = Layer.effect(
    WebSocketTickets,
    Effect.gen(function* () {
      const repository = yield* WebSocketTicketRepository
      const digest = yield* Digest.Digest
      const random = yield* SecureRandom.SecureRandom

      const hashOf = (ticket: Redacted.Redacted) =>
        Effect.map(digest.digestHex(Digest.sha256, encoder.encode(Redacted.value(ticket))), (hex) =>
          WebSocketTicketHash.make(hex)
        )

      const issue = Effect.fn("WebSocketTickets.issue")(function* (principal: Principal) {
        const ticket = Redacted.make(Base64Url.encode(yield* random.randomBytes(secretBytes)))
        const expires_at = yield* repository.create(principal, yield* hashOf(ticket), ticketLife)
        return { ticket, expires_at }
      })

      const redeem = Effect.fn("WebSocketTickets.redeem")(function* (ticket: Redacted.Redacted) {
        const found = yield* repository.redeem(yield* hashOf(ticket))
        if (Option.isNone(found)) return yield* new Unauthorized({ reason: "invalid" })
        return found.value
      })

      return WebSocketTickets.of({ issue, redeem })
    })
  )
}
