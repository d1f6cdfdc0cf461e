import { Context, type DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { AgentId } from "../domain/AgentReference.ts"
import type { ApiKeyHash } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { KeptAgent } from "../domain/KeptAgent.ts"
import { Moment } from "../domain/Moment.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { agentColumns } from "./AgentRepository.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { firstRow } from "./Rows.ts"

/** From when to when a share holds. */
const Term = Schema.Struct({ created_at: Moment, expires_at: Moment })
export type ShareTerm = typeof Term.Type

const Shared = Schema.Struct({ ...KeptAgent.fields, expires_at: Moment })

/** Tokens for agents in PostgreSQL, as hashes. */
export class AgentShareRepository extends Context.Service<
  AgentShareRepository,
  {
    /** None when the tenant has no such agent. `seconds` is how long it holds. */
    create(
      tenant: TenantId,
      agent: AgentId,
      token: ApiKeyHash,
      seconds: number
    ): Effect.Effect<Option.Option<ShareTerm>, DatabaseFailure>
    /** Takes all shares of an agent back; whether there is such an agent. */
    revoke(tenant: TenantId, agent: AgentId): Effect.Effect<boolean, DatabaseFailure>
    /** What a token shows that holds, whosever it is. */
    find(
      token: ApiKeyHash
    ): Effect.Effect<Option.Option<{ readonly agent: KeptAgent; readonly expires_at: DateTime.Utc }>, DatabaseFailure>
  }
>()("causeway/storage/AgentShareRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    AgentShareRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const term = firstRow(Term)
      const shared = firstRow(Shared)

      return AgentShareRepository.of({
        create: Effect.fn("AgentShareRepository.create")((tenant, agent, token, seconds) =>
          execute(
            "AgentShareRepository.create",
            term(sql`
              INSERT INTO agent_shares (token_hash, agent_id, expires_at)
              SELECT ${token}, id, now() + ${seconds} * interval '1 second' FROM agents
              WHERE id = ${agent} AND tenant_id = ${tenant}
              RETURNING created_at, expires_at`)
          )
        ),
        revoke: Effect.fn("AgentShareRepository.revoke")((tenant, agent) =>
          execute(
            "AgentShareRepository.revoke",
            Effect.map(
              sql`
                WITH agent AS (SELECT id FROM agents WHERE id = ${agent} AND tenant_id = ${tenant}),
                  gone AS (DELETE FROM agent_shares USING agent WHERE agent_id = agent.id)
                SELECT id FROM agent`,
              (rows) => rows.length > 0
            )
          )
        ),
        find: Effect.fn("AgentShareRepository.find")((token) =>
          execute(
            "AgentShareRepository.find",
            shared(sql`
              SELECT ${sql.literal(agentColumns)}, share.expires_at
              FROM agents JOIN (SELECT agent_id, expires_at FROM agent_shares
                WHERE token_hash = ${token} AND expires_at > now()) share ON share.agent_id = agents.id`)
          ).pipe(Effect.map(Option.map(({ expires_at, ...agent }) => ({ agent: new KeptAgent(agent), expires_at }))))
        )
      })
    })
  )
}
