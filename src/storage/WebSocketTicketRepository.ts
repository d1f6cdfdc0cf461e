import { Context, type DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Principal } from "../domain/ApiKey.ts"
import { type DatabaseFailure, DbRefused } from "../domain/errors/StorageErrors.ts"
import { Moment } from "../domain/Moment.ts"
import type { WebSocketTicketHash } from "../domain/WebSocketTicket.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { firstRow } from "./Rows.ts"

const StoredTicket = Schema.Struct({ expires_at: Moment })

/** Tickets in PostgreSQL, so that each opens one WebSocket, on whichever instance. */
export class WebSocketTicketRepository extends Context.Service<
  WebSocketTicketRepository,
  {
    /** Stores a ticket for a key; answers when it ends. Tickets of the tenant that have ended go. */
    create(
      principal: Principal,
      hash: WebSocketTicketHash,
      lifeMillis: number
    ): Effect.Effect<DateTime.Utc, DatabaseFailure>
    /** Uses a ticket up: who it stands for, unless it is unknown, used or over, or its key was revoked. */
    redeem(hash: WebSocketTicketHash): Effect.Effect<Option.Option<Principal>, DatabaseFailure>
  }
>()("causeway/storage/WebSocketTicketRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    WebSocketTicketRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const storedTicket = firstRow(StoredTicket)
      const principal = firstRow(Principal)

      const create = Effect.fn("WebSocketTicketRepository.create")(function* (
        { api_key_id, tenant_id }: Principal,
        hash: WebSocketTicketHash,
        lifeMillis: number
      ) {
        const operation = "WebSocketTicketRepository.create"
        const stored = yield* execute(
          operation,
          storedTicket(sql`
            WITH gone AS (DELETE FROM websocket_tickets WHERE tenant_id = ${tenant_id} AND expires_at < now())
            INSERT INTO websocket_tickets (ticket_hash, tenant_id, api_key_id, expires_at)
            VALUES (${hash}, ${tenant_id}, ${api_key_id}, now() + ${lifeMillis} * interval '1 millisecond')
            RETURNING expires_at`)
        )
        return Option.isSome(stored) ? stored.value.expires_at : yield* new DbRefused({ operation })
      })

      const redeem = Effect.fn("WebSocketTicketRepository.redeem")((hash: WebSocketTicketHash) =>
        execute(
          "WebSocketTicketRepository.redeem",
          principal(sql`
            WITH used AS (
              DELETE FROM websocket_tickets WHERE ticket_hash = ${hash}
              RETURNING tenant_id, api_key_id, expires_at
            )
            SELECT key.tenant_id, key.id AS api_key_id, key.key_hash AS api_key_hash, key.scopes
            FROM used JOIN api_keys AS key ON key.id = used.api_key_id AND key.tenant_id = used.tenant_id
            WHERE used.expires_at > now() AND key.revoked_at IS NULL`)
        )
      )

      return WebSocketTicketRepository.of({ create, redeem })
    })
  )
}
