import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { Memory, type MemoryActor, type MemoryId, type MemoryScope, MemoryVersion } from "../domain/Memory.ts"
import { AlreadyExists, type DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { makeMemoryChanges, type MemoryContent, memoryColumns, type NewMemory } from "./MemoryChanges.ts"
import { inScope } from "./MemoryScopes.ts"
import { type AddedMemory, makeMemoryWriting, type MemoryWrite } from "./MemoryWriting.ts"
import { allRows, firstRow, readableRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** Which memories a list shows, or a deletion takes; every part that is given must be the same. */
export interface MemoryFilter extends MemoryScope {
  /** Also those that do not hold any more. */
  readonly include_invalid?: boolean
}

/** What taking back the latest change of a memory came to. */
export type Undoing = { readonly _tag: "Undone"; readonly memory: Memory } | { readonly _tag: "Unchanged" }

const MemoryKey = Schema.Struct({ id: Schema.String })

/** How many memories one statement deletes: each takes its words out of the index. */
const deletionBatch = 500

const isDuplicate = (failure: unknown): failure is SqlError.SqlError =>
  SqlError.isSqlError(failure) && failure.reason._tag === "UniqueViolation"

/** Memories in PostgreSQL. Every method sees one tenant's only. */
export class MemoryRepository extends Context.Service<
  MemoryRepository,
  {
    /** Adds memories in one transaction; where an equal one holds in the scope, that one is the answer. */
    add(
      tenant: TenantId,
      memories: ReadonlyArray<NewMemory>,
      actor: MemoryActor
    ): Effect.Effect<ReadonlyArray<AddedMemory>, DatabaseFailure>
    /** Writes what was learned, all or nothing; answers with the memories that are new or changed. */
    apply(
      tenant: TenantId,
      writes: ReadonlyArray<MemoryWrite>,
      actor: MemoryActor
    ): Effect.Effect<ReadonlyArray<Memory>, DatabaseFailure>
    find(tenant: TenantId, id: MemoryId): Effect.Effect<Option.Option<Memory>, DatabaseFailure>
    /** Newest first, from after `position`. What does not decode is left out. */
    list(
      tenant: TenantId,
      filter: MemoryFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Memory>, DatabaseFailure>
    /** None when there is no such memory; fails when its scope has an equal one. */
    update(
      tenant: TenantId,
      id: MemoryId,
      content: MemoryContent,
      actor: MemoryActor
    ): Effect.Effect<Option.Option<Memory>, AlreadyExists | DatabaseFailure>
    /** Has it hold no more; one that does not is left as it is. */
    invalidate(
      tenant: TenantId,
      id: MemoryId,
      actor: MemoryActor
    ): Effect.Effect<Option.Option<Memory>, DatabaseFailure>
    /** The latest change that can be taken back. */
    lastChange(tenant: TenantId, id: MemoryId): Effect.Effect<Option.Option<MemoryVersion>, DatabaseFailure>
    /** Takes a change back, once; `content` is what an update is undone with. */
    undo(
      tenant: TenantId,
      change: MemoryVersion,
      content: MemoryContent | null,
      actor: MemoryActor
    ): Effect.Effect<Undoing, AlreadyExists | DatabaseFailure>
    /** Removes it with its versions. */
    delete(tenant: TenantId, id: MemoryId): Effect.Effect<boolean, DatabaseFailure>
    /** Removes some of those that a filter shows; answers how many, 0 when there are none left. */
    deleteSome(tenant: TenantId, filter: MemoryScope): Effect.Effect<number, DatabaseFailure>
    /** The versions of a memory, newest first. */
    history(
      tenant: TenantId,
      id: MemoryId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<MemoryVersion>, DatabaseFailure>
  }
>()("causeway/storage/MemoryRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    MemoryRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const changes = yield* makeMemoryChanges
      const writing = yield* makeMemoryWriting
      const columns = sql.literal(memoryColumns)
      const versionColumns = sql.literal(Object.keys(MemoryVersion.fields).join(", "))
      const memory = firstRow(Memory)
      const version = firstRow(MemoryVersion)
      const keys = allRows(MemoryKey)
      const memories = pageOf(Memory, readableRows("memories", Memory))
      const versions = pageOf(MemoryVersion, readableRows("memory_versions", MemoryVersion))

      const refuseDuplicates = <A, E, R>(statements: Effect.Effect<A, E, R>) =>
        Effect.catchIf(statements, isDuplicate, () => Effect.fail(new AlreadyExists({ resource: "memory" })))

      const add = Effect.fn("MemoryRepository.add")(
        (tenant: TenantId, all: ReadonlyArray<NewMemory>, actor: MemoryActor) =>
          execute("MemoryRepository.add", transaction(Effect.forEach(all, (one) => writing.add(tenant, one, actor))))
      )

      const find = Effect.fn("MemoryRepository.find")((tenant: TenantId, id: MemoryId) =>
        execute(
          "MemoryRepository.find",
          memory(sql`SELECT ${columns} FROM memories WHERE id = ${id} AND tenant_id = ${tenant}`)
        )
      )

      const list = Effect.fn("MemoryRepository.list")(
        (tenant: TenantId, filter: MemoryFilter, position: PagePosition | null, size: number) =>
          execute(
            "MemoryRepository.list",
            memories(
              size,
              sql`
                SELECT ${columns} FROM memories
                WHERE ${sql.and([
                  sql`tenant_id = ${tenant}`,
                  after(sql, position),
                  inScope(sql, filter),
                  sql.literal(filter.include_invalid === true ? "true" : "valid_to IS NULL")
                ])}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
      )

      const update = Effect.fn("MemoryRepository.update")(
        (tenant: TenantId, id: MemoryId, content: MemoryContent, actor: MemoryActor) =>
          execute(
            "MemoryRepository.update",
            refuseDuplicates(memory(changes.update(tenant, id, content, actor, "updated")))
          )
      )

      const invalidate = Effect.fn("MemoryRepository.invalidate")(
        (tenant: TenantId, id: MemoryId, actor: MemoryActor) =>
          execute("MemoryRepository.invalidate", memory(changes.end(tenant, id, null, actor, "invalidated"))).pipe(
            Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.succeed(ended) : find(tenant, id)))
          )
      )

      const lastChange = Effect.fn("MemoryRepository.lastChange")((tenant: TenantId, id: MemoryId) =>
        execute(
          "MemoryRepository.lastChange",
          version(sql`
            SELECT ${versionColumns} FROM memory_versions
            WHERE memory_id = ${id} AND tenant_id = ${tenant} AND NOT undone
              AND event IN ('updated', 'superseded', 'invalidated')
            ORDER BY created_at DESC, id DESC LIMIT 1`)
        )
      )

      const takeBack = Effect.fnUntraced(function* (
        tenant: TenantId,
        change: MemoryVersion,
        content: MemoryContent | null,
        actor: MemoryActor
      ) {
        const marked = yield* keys(sql`
          UPDATE memory_versions SET undone = true
          WHERE id = ${change.id} AND tenant_id = ${tenant} AND NOT undone RETURNING id`)
        if (marked.length === 0) return { _tag: "Unchanged" } as const
        const restored = yield* memory(
          content === null
            ? changes.revive(tenant, change.memory_id, actor)
            : changes.update(tenant, change.memory_id, content, actor, "restored")
        )
        return Option.match(restored, {
          onNone: () => ({ _tag: "Unchanged" }) as const,
          onSome: (memory) => ({ _tag: "Undone", memory }) as const
        })
      })

      const remove = Effect.fn("MemoryRepository.delete")((tenant: TenantId, id: MemoryId) =>
        execute(
          "MemoryRepository.delete",
          keys(sql`DELETE FROM memories WHERE id = ${id} AND tenant_id = ${tenant} RETURNING id`)
        ).pipe(Effect.map((gone) => gone.length > 0))
      )

      const deleteSome = Effect.fn("MemoryRepository.deleteSome")((tenant: TenantId, filter: MemoryScope) =>
        execute(
          "MemoryRepository.deleteSome",
          keys(sql`
            DELETE FROM memories WHERE id = ANY (ARRAY(
              SELECT id FROM memories WHERE ${sql.and([sql`tenant_id = ${tenant}`, inScope(sql, filter)])}
              ORDER BY created_at DESC, id DESC LIMIT ${deletionBatch}
            )) RETURNING id`)
        ).pipe(Effect.map((gone) => gone.length))
      )

      const history = Effect.fn("MemoryRepository.history")(
        (tenant: TenantId, id: MemoryId, position: PagePosition | null, size: number) =>
          execute(
            "MemoryRepository.history",
            versions(
              size,
              sql`
                SELECT ${versionColumns} FROM memory_versions
                WHERE ${sql.and([sql`memory_id = ${id}`, sql`tenant_id = ${tenant}`, after(sql, position)])}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
      )

      return MemoryRepository.of({
        add,
        apply: Effect.fn("MemoryRepository.apply")((tenant, writes, actor) =>
          execute(
            "MemoryRepository.apply",
            // Somebody may store the same in between; the second time it is seen.
            Effect.retry(transaction(writing.apply(tenant, writes, actor)), { while: isDuplicate, times: 2 })
          )
        ),
        find,
        list,
        update,
        invalidate,
        lastChange,
        undo: Effect.fn("MemoryRepository.undo")((tenant, change, content, actor) =>
          execute("MemoryRepository.undo", refuseDuplicates(transaction(takeBack(tenant, change, content, actor))))
        ),
        delete: remove,
        deleteSome,
        history
      })
    })
  )
}
