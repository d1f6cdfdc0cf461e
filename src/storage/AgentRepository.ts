import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { AgentId } from "../domain/AgentReference.ts"
import { AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import { AlreadyExists, type DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { AgentVersion, type AgentUpdate, KeptAgent, type NewAgent } from "../domain/KeptAgent.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { isDuplicate, makeNamedRecords, type NamedRecords } from "./NamedRecords.ts"
import { json } from "./Parameters.ts"
import { firstRow, readableRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** An agent to be stored; one that comes from elsewhere keeps the moment when it was made. */
export type StorableAgent = NewAgent & { readonly created_at?: DateTime.Utc }

const definition = `definition->>'description' AS description, definition->>'prompt' AS prompt,
  definition->'tools' AS tools, definition->>'model' AS model, definition->'skills' AS skills,
  definition->'mcp_servers' AS mcp_servers`

/** What is selected for an agent, as SQL. */
export const agentColumns = `id, name, version, ${definition}, created_at, updated_at,
  EXISTS (SELECT FROM agent_shares WHERE agent_id = agents.id AND expires_at > now()) AS is_shared`

const toRow = ({ created_at, description, mcp_servers, model, name, prompt, skills, tools }: StorableAgent) => ({
  name,
  definition: json({
    description,
    prompt,
    tools: tools ?? null,
    model: model ?? null,
    skills: skills ?? null,
    mcp_servers: mcp_servers ?? null
  }),
  ...(created_at === undefined ? {} : { created_at: DateTime.formatIso(created_at) })
})

/** Agents in PostgreSQL, with all their versions. */
export class AgentRepository extends Context.Service<
  AgentRepository,
  NamedRecords<KeptAgent, StorableAgent, AgentUpdate, AgentVersionConflict> & {
    /** Newest first. */
    versions(
      tenant: TenantId,
      id: AgentId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<AgentVersion>, DatabaseFailure>
    findVersion(
      tenant: TenantId,
      id: AgentId,
      version: number
    ): Effect.Effect<Option.Option<AgentVersion>, DatabaseFailure>
  }
>()("causeway/storage/AgentRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    AgentRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const selected = sql.literal(agentColumns)
      const versionColumns = sql.literal(`version, name, ${definition}, created_at`)
      const agent = firstRow(KeptAgent)
      const version = firstRow(AgentVersion)
      const page = pageOf(AgentVersion, readableRows("agent_versions", AgentVersion))

      const keepVersion = (id: string) => sql`
        INSERT INTO agent_versions (agent_id, version, name, definition, created_at)
        SELECT id, version, name, definition, updated_at FROM agents WHERE id = ${id}`

      const records = yield* makeNamedRecords({
        repository: "AgentRepository",
        table: "agents",
        resource: "agent",
        item: KeptAgent,
        columns: agentColumns,
        most: 1000,
        toRow: (content: StorableAgent) => ({ ...toRow(content), version: 1 }),
        toChange: toRow,
        after: keepVersion
      })

      /** The row is locked first: of two that have seen the same version, one is told. */
      const change = (tenant: TenantId, id: string, update: AgentUpdate) =>
        Effect.gen(function* () {
          const found = yield* agent(sql`
            SELECT ${selected} FROM agents WHERE id = ${id} AND tenant_id = ${tenant} FOR UPDATE`)
          if (Option.isNone(found)) return found
          const latest = found.value.version
          if (update.version !== undefined && update.version !== latest) {
            return yield* new AgentVersionConflict({ agent_id: found.value.id, latest_version: latest })
          }
          const changed = yield* agent(sql`
            UPDATE agents SET ${sql.update(toRow(update))}, version = version + 1, updated_at = now()
            WHERE id = ${id} RETURNING ${selected}`)
          yield* keepVersion(id)
          return changed
        })

      const ofAgent = (tenant: TenantId, id: AgentId) =>
        sql`agent_id = (SELECT id FROM agents WHERE id = ${id} AND tenant_id = ${tenant})`

      return AgentRepository.of({
        ...records,
        update: Effect.fn("AgentRepository.update")((tenant, id, update) =>
          execute(
            "AgentRepository.update",
            transaction(change(tenant, id, update)).pipe(
              Effect.catchIf(isDuplicate, () => Effect.fail(new AlreadyExists({ resource: "agent" })))
            )
          )
        ),
        versions: Effect.fn("AgentRepository.versions")((tenant, id, position, size) =>
          execute(
            "AgentRepository.versions",
            page(
              size,
              sql`
                SELECT id, ${versionColumns} FROM agent_versions
                WHERE ${ofAgent(tenant, id)} AND ${after(sql, position)}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
        ),
        findVersion: Effect.fn("AgentRepository.findVersion")((tenant, id, number) =>
          execute(
            "AgentRepository.findVersion",
            version(sql`
              SELECT ${versionColumns} FROM agent_versions WHERE ${ofAgent(tenant, id)} AND version = ${number}`)
          )
        )
      })
    })
  )
}
