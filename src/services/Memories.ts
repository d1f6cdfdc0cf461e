import { Context, Effect, Layer, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import {
  type FoundMemory,
  type Memory,
  type MemoryActor,
  type MemoryId,
  type MemoryMetadata,
  type MemoryScope,
  type MemoryVersion,
  scopeOf
} from "../domain/Memory.ts"
import { MemoryNotFound, MemoryUnchanged } from "../domain/errors/MemoryErrors.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { type MemoryFilter, MemoryRepository } from "../storage/MemoryRepository.ts"
import { makeMemoryContents } from "./MemoryContents.ts"
import { makeMemorySearch } from "./MemorySearch.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { refuseKeys } from "./Secrets.ts"

/** What a client changes of a memory; what is absent stays. */
export interface MemoryPatch {
  readonly text?: string
  readonly metadata?: MemoryMetadata
}

const actorOf = ({ api_key_id }: Principal): MemoryActor => ({ kind: "api_key", id: api_key_id })

/** What a tenant's agents remember. Another tenant's memories do not exist for it. */
export class Memories extends Context.Service<
  Memories,
  {
    /** Stores a text as it is; an equal one in the same scope stays one. */
    add(
      principal: Principal,
      text: string,
      metadata: MemoryMetadata,
      scope: MemoryScope
    ): Effect.Effect<Memory, ValidationFailed | DatabaseFailure>
    /** The memories that fit a question best, best first. */
    search(
      principal: Principal,
      query: string,
      scope: MemoryScope,
      limit: number
    ): Effect.Effect<ReadonlyArray<FoundMemory>, ReadFailure>
    list(
      principal: Principal,
      filter: MemoryFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Memory>, ReadFailure>
    get(principal: Principal, id: MemoryId): Effect.Effect<Memory, MemoryNotFound | ReadFailure>
    update(
      principal: Principal,
      id: MemoryId,
      patch: MemoryPatch
    ): Effect.Effect<Memory, MemoryNotFound | AlreadyExists | ValidationFailed | DatabaseFailure>
    /** Has it hold no more: it is neither found nor recalled, and stays in the list of all. */
    invalidate(principal: Principal, id: MemoryId): Effect.Effect<Memory, MemoryNotFound | DatabaseFailure>
    /** Takes back the latest change: other content, or that it holds no more. */
    undo(
      principal: Principal,
      id: MemoryId
    ): Effect.Effect<Memory, MemoryNotFound | MemoryUnchanged | AlreadyExists | DatabaseFailure>
    /** Removes it with its history. */
    delete(principal: Principal, id: MemoryId): Effect.Effect<void, MemoryNotFound | DatabaseFailure>
    /** Removes all that are of a scope; answers how many. */
    deleteAll(principal: Principal, scope: MemoryScope): Effect.Effect<number, DatabaseFailure>
    /** What happened to it, newest first. */
    history(
      principal: Principal,
      id: MemoryId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<MemoryVersion>, MemoryNotFound | ReadFailure>
  }
>()("causeway/services/Memories") {
  static readonly layer = Layer.effect(
    Memories,
    Effect.gen(function* () {
      const repository = yield* MemoryRepository
      const search = yield* makeMemorySearch
      const { contentOf, newMemory } = yield* makeMemoryContents

      const found = <E, R>(id: MemoryId, look: Effect.Effect<Option.Option<Memory>, E, R>) =>
        Effect.flatMap(look, (memory) =>
          Option.isSome(memory) ? Effect.succeed(memory.value) : Effect.fail(new MemoryNotFound({ memory_id: id }))
        )

      const add = Effect.fn("Memories.add")(function* (
        principal: Principal,
        text: string,
        metadata: MemoryMetadata,
        scope: MemoryScope
      ) {
        yield* refuseKeys({ text, metadata })
        const memory = yield* newMemory(text, metadata, scope)
        const added = yield* repository.add(principal.tenant_id, [memory], actorOf(principal))
        return yield* Effect.orDie(Effect.fromNullishOr(added[0]?.memory))
      })

      const update = Effect.fn("Memories.update")(function* (principal: Principal, id: MemoryId, patch: MemoryPatch) {
        const { tenant_id } = principal
        yield* refuseKeys(patch)
        const known = yield* found(id, repository.find(tenant_id, id))
        const content = yield* contentOf(patch.text ?? known.memory, patch.metadata ?? known.metadata, scopeOf(known))
        return yield* found(id, repository.update(tenant_id, id, content, actorOf(principal)))
      })

      const undo = Effect.fn("Memories.undo")(function* (principal: Principal, id: MemoryId) {
        const { tenant_id } = principal
        const known = yield* found(id, repository.find(tenant_id, id))
        const change = yield* repository.lastChange(tenant_id, id)
        if (Option.isNone(change)) return yield* new MemoryUnchanged({ memory_id: id })
        const { event, old_memory, old_metadata } = change.value
        const content =
          event === "updated"
            ? yield* contentOf(old_memory ?? known.memory, old_metadata ?? known.metadata, scopeOf(known))
            : null
        const undone = yield* repository.undo(tenant_id, change.value, content, actorOf(principal))
        if (undone._tag === "Unchanged") return yield* new MemoryUnchanged({ memory_id: id })
        return undone.memory
      })

      const get = Effect.fn("Memories.get")((principal: Principal, id: MemoryId) =>
        found(id, asRead(repository.find(principal.tenant_id, id)))
      )

      return Memories.of({
        add,
        search: Effect.fn("Memories.search")((principal, query, scope, limit) =>
          asRead(search({ tenant: principal.tenant_id, match: "only", scope }, query, limit)).pipe(
            Effect.map(({ found }) => found)
          )
        ),
        list: Effect.fn("Memories.list")((principal, filter, position, size) =>
          asRead(repository.list(principal.tenant_id, filter, position, size))
        ),
        get,
        update,
        invalidate: Effect.fn("Memories.invalidate")((principal, id) =>
          found(id, repository.invalidate(principal.tenant_id, id, actorOf(principal)))
        ),
        undo,
        delete: Effect.fn("Memories.delete")(function* (principal, id) {
          const gone = yield* repository.delete(principal.tenant_id, id)
          if (!gone) return yield* new MemoryNotFound({ memory_id: id })
        }),
        deleteAll: Effect.fn("Memories.deleteAll")(function* (principal, scope) {
          let count = 0
          for (;;) {
            const gone = yield* repository.deleteSome(principal.tenant_id, scope)
            if (gone === 0) return count
            count += gone
          }
        }),
        history: Effect.fn("Memories.history")(function* (principal, id, position, size) {
          yield* get(principal, id)
          return yield* asRead(repository.history(principal.tenant_id, id, position, size))
        })
      })
    })
  )
}
