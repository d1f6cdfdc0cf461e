import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Memory, type MemoryActor, MemoryId } from "../domain/Memory.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeMemoryChanges, type MemoryContent, type NewMemory } from "./MemoryChanges.ts"
import { allRows, firstRow } from "./Rows.ts"

/** A memory that was to be added: it, or the equal one that was there. */
export interface AddedMemory {
  readonly memory: Memory
  readonly added: boolean
}

/** One thing that was learned. */
export type MemoryWrite =
  | { readonly _tag: "Add"; readonly memory: NewMemory }
  | { readonly _tag: "Update"; readonly id: MemoryId; readonly content: MemoryContent }
  /** The old one ends and the new one takes its place. */
  | { readonly _tag: "Supersede"; readonly id: MemoryId; readonly memory: NewMemory }

const AddedRow = Schema.Struct({ ...Memory.fields, added: Schema.Boolean })

const MemoryKey = Schema.Struct({ id: MemoryId })

/** Makes what writes memories inside a transaction. */
export const makeMemoryWriting = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const changes = yield* makeMemoryChanges
  const added = firstRow(AddedRow)
  const changed = firstRow(Memory)
  const keys = allRows(MemoryKey)

  /** Adds one, or gives the equal one that holds in its scope. */
  const add = (tenant: TenantId, memory: NewMemory, actor: MemoryActor) =>
    Effect.flatMap(
      added(changes.add(tenant, memory, actor)),
      Option.match({
        onNone: () => Effect.die(new Error("A memory is neither added nor there")),
        onSome: ({ added, ...row }): Effect.Effect<AddedMemory> => Effect.succeed({ memory: new Memory(row), added })
      })
    )

  /** Whether it still holds, and no other memory of its scope is already what it would become. */
  const mayBecome = (tenant: TenantId, id: MemoryId, { hash }: MemoryContent) =>
    Effect.map(
      keys(sql`
        SELECT id FROM memories own
        WHERE id = ${id} AND tenant_id = ${tenant} AND valid_to IS NULL AND NOT EXISTS (
          SELECT FROM memories other
          WHERE other.tenant_id = own.tenant_id AND other.hash = ${hash} AND other.id <> own.id
            AND coalesce(other.user_id, '') = coalesce(own.user_id, '')
            AND coalesce(other.agent_id, '') = coalesce(own.agent_id, '')
            AND coalesce(other.session_id, '') = coalesce(own.session_id, '')
            AND coalesce(other.project_id, '') = coalesce(own.project_id, '')
            AND other.valid_to IS NULL
        )
        FOR UPDATE`),
      (found) => found.length > 0
    )

  /** Writes what was learned; answers with the memories that are new or changed. */
  const apply = Effect.fnUntraced(function* (tenant: TenantId, writes: ReadonlyArray<MemoryWrite>, actor: MemoryActor) {
    const written: Array<Memory> = []
    for (const write of writes) {
      switch (write._tag) {
        case "Add": {
          const { added, memory } = yield* add(tenant, write.memory, actor)
          if (added) written.push(memory)
          break
        }
        case "Update": {
          if (!(yield* mayBecome(tenant, write.id, write.content))) break
          const updated = yield* changed(changes.update(tenant, write.id, write.content, actor, "updated"))
          if (Option.isSome(updated)) written.push(updated.value)
          break
        }
        case "Supersede": {
          const { memory } = yield* add(tenant, write.memory, actor)
          if (memory.id !== write.id) yield* changes.end(tenant, write.id, memory.id, actor, "superseded")
          written.push(memory)
        }
      }
    }
    return written
  })

  return { add, apply }
})
