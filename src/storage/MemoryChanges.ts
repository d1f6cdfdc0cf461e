import { Effect } from "effect"
import { SqlClient, type Statement } from "effect/sql"
import { Memory, type MemoryActor, type MemoryId, type MemoryMetadata, type MemoryScope } from "../domain/Memory.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { json, storable, texts } from "./Parameters.ts"

/** What a memory is found by: see the columns of the table. */
export interface IndexedText {
  readonly words: string
  readonly context: string
  readonly marks: ReadonlyArray<string>
  /** Names what the text was said in; null where nothing tells that it was said beside others. */
  readonly conversation: string | null
  /** RFC 3339; null when it is unknown. */
  readonly said_at: string | null
  readonly turn: number
}

/** A text with all that is stored of it. */
export interface MemoryContent {
  readonly memory: string
  readonly hash: string
  readonly metadata: MemoryMetadata
  readonly indexed: IndexedText
}

/** A memory that is to be added. */
export interface NewMemory extends MemoryContent {
  readonly id: MemoryId
  readonly scope: MemoryScope
}

/** The columns of a memory as clients see it. */
export const memoryColumns = Object.keys(Memory.fields).join(", ")

/** The statements that change memories, each with the version that it leaves. */
export const makeMemoryChanges = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = sql.literal(memoryColumns)
  const qualified = (table: string) =>
    sql.literal(
      Object.keys(Memory.fields)
        .map((column) => `${table}.${column}`)
        .join(", ")
    )

  const said = (at: string | null): Statement.Fragment =>
    at === null ? sql`'-infinity'::timestamptz` : sql`${at}::timestamptz`

  const content = ({ hash, indexed, memory, metadata }: MemoryContent): Statement.Fragment => sql`
    memory = ${storable(memory)}, hash = ${hash}, metadata = ${json(metadata)},
    words = ${storable(indexed.words)}, context = ${storable(indexed.context)},
    marks = ${texts(indexed.marks.map(storable))}, conversation = ${storable(indexed.conversation)},
    said_at = ${said(indexed.said_at)}, turn = ${indexed.turn},
    embedded_by = NULL, embedding = NULL, signs = NULL, embedding_due = '-infinity'`

  return {
    /** Adds it, or gives the one that is there; with `added`. */
    add: (tenant: TenantId, { hash, id, indexed, memory, metadata, scope }: NewMemory, actor: MemoryActor) => sql`
      WITH made AS (
        INSERT INTO memories AS known (id, tenant_id, memory, hash, metadata, user_id, agent_id, session_id, project_id,
          words, context, marks, conversation, said_at, turn)
        VALUES (${id}, ${tenant}, ${storable(memory)}, ${hash}, ${json(metadata)}, ${scope.user_id ?? null},
          ${scope.agent_id ?? null}, ${scope.session_id ?? null}, ${scope.project_id ?? null},
          ${storable(indexed.words)}, ${storable(indexed.context)}, ${texts(indexed.marks.map(storable))},
          ${storable(indexed.conversation)}, ${said(indexed.said_at)}, ${indexed.turn})
        ON CONFLICT (tenant_id, hash, coalesce(user_id, ''), coalesce(agent_id, ''), coalesce(session_id, ''),
          coalesce(project_id, '')) WHERE valid_to IS NULL
          DO UPDATE SET updated_at = known.updated_at
        RETURNING ${qualified("known")}, known.xmax::text = '0' AS added
      ), noted AS (
        INSERT INTO memory_versions (id, tenant_id, memory_id, event, actor_kind, actor_id, new_memory, new_metadata)
        SELECT gen_random_uuid(), ${tenant}::uuid, id, 'added', ${actor.kind}, ${actor.id}, memory, metadata
        FROM made WHERE added
      )
      SELECT * FROM made`,

    /** Gives it other content. */
    update: (
      tenant: TenantId,
      id: MemoryId,
      changed: MemoryContent,
      actor: MemoryActor,
      event: "updated" | "restored"
    ) => sql`
      WITH before AS MATERIALIZED (
        SELECT id, memory, metadata FROM memories WHERE id = ${id} AND tenant_id = ${tenant} FOR UPDATE
      ), after AS (
        UPDATE memories SET ${content(changed)}, updated_at = now() FROM before WHERE memories.id = before.id
        RETURNING ${qualified("memories")}
      ), noted AS (
        INSERT INTO memory_versions (id, tenant_id, memory_id, event, actor_kind, actor_id, old_memory, new_memory,
          old_metadata, new_metadata)
        SELECT gen_random_uuid(), ${tenant}::uuid, after.id, ${event}, ${actor.kind}, ${actor.id}, before.memory,
          after.memory, before.metadata, after.metadata
        FROM before JOIN after ON after.id = before.id
      )
      SELECT * FROM after`,

    /** Ends its validity, if it holds. */
    end: (
      tenant: TenantId,
      id: MemoryId,
      successor: MemoryId | null,
      actor: MemoryActor,
      event: "invalidated" | "superseded"
    ) => sql`
      WITH ended AS (
        UPDATE memories SET valid_to = now(), updated_at = now(), superseded_by = ${successor}
        WHERE id = ${id} AND tenant_id = ${tenant} AND valid_to IS NULL
        RETURNING ${columns}
      ), noted AS (
        INSERT INTO memory_versions (id, tenant_id, memory_id, event, actor_kind, actor_id, old_memory, old_metadata)
        SELECT gen_random_uuid(), ${tenant}::uuid, id, ${event}, ${actor.kind}, ${actor.id}, memory, metadata FROM ended
      )
      SELECT * FROM ended`,

    /** Has it hold again. */
    revive: (tenant: TenantId, id: MemoryId, actor: MemoryActor) => sql`
      WITH revived AS (
        UPDATE memories SET valid_to = NULL, superseded_by = NULL, updated_at = now()
        WHERE id = ${id} AND tenant_id = ${tenant} AND valid_to IS NOT NULL
        RETURNING ${columns}
      ), noted AS (
        INSERT INTO memory_versions (id, tenant_id, memory_id, event, actor_kind, actor_id, new_memory, new_metadata)
        SELECT gen_random_uuid(), ${tenant}::uuid, id, 'restored', ${actor.kind}, ${actor.id}, memory, metadata
        FROM revived
      )
      SELECT * FROM revived`
  } as const
})
