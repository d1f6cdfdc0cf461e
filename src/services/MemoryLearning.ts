import { Clock, Context, Effect, Layer } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { MemoryModelFailed, MemoryModelMissing } from "../domain/errors/MemoryErrors.ts"
import type { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Memory, MemoryMetadata, MemoryScope } from "../domain/Memory.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { MemoryModel } from "../outbound/MemoryModel.ts"
import type { Spent } from "../storage/MemoryJobRepository.ts"
import { MemoryRepository } from "../storage/MemoryRepository.ts"
import type { MemoryWrite } from "../storage/MemoryWriting.ts"
import { makeMemoryContents } from "./MemoryContents.ts"
import { planOf, type PlannedFact, planRequest, type Said } from "./MemoryPlan.ts"
import { makeMemorySearch } from "./MemorySearch.ts"
import { refuseKeys } from "./Secrets.ts"

/** Known memories that the model is shown. */
const mostKnown = 20

/** The part of a conversation that known memories are looked for with, in characters. */
const questionLength = 3000

/** A conversation from which something may be learned. */
export interface Lesson {
  readonly tenant: TenantId
  /** What is learned belongs to it. */
  readonly scope: MemoryScope
  readonly conversation: ReadonlyArray<Said>
  /** Texts that are no news. */
  readonly withheld: ReadonlyArray<string>
  readonly metadata: MemoryMetadata
}

/** What is to be stored, and what it cost to find it. */
export interface Learned {
  readonly writes: ReadonlyArray<MemoryWrite>
  readonly spent: Spent
}

/** Finds what is worth remembering. */
export class MemoryLearning extends Context.Service<
  MemoryLearning,
  {
    /** Whether there is a model for it. */
    readonly configured: boolean
    /** What is to be stored of a conversation. `onSpent` is told what it cost as soon as that is known. */
    study(
      lesson: Lesson,
      onSpent: (spent: Spent) => void
    ): Effect.Effect<ReadonlyArray<MemoryWrite>, MemoryModelFailed | MemoryModelMissing | DatabaseFailure>
    /** Stores what is worth remembering of messages; answers with what is new or changed. */
    learn(
      principal: Principal,
      conversation: ReadonlyArray<Said>,
      metadata: MemoryMetadata,
      scope: MemoryScope
    ): Effect.Effect<ReadonlyArray<Memory>, MemoryModelFailed | MemoryModelMissing | ValidationFailed | DatabaseFailure>
  }
>()("causeway/services/MemoryLearning") {
  static readonly layer = Layer.effect(
    MemoryLearning,
    Effect.gen(function* () {
      const model = yield* MemoryModel
      const repository = yield* MemoryRepository
      const search = yield* makeMemorySearch
      const { contentOf, newMemory } = yield* makeMemoryContents

      const writeOf = Effect.fnUntraced(function* (fact: PlannedFact, { metadata, scope }: Lesson) {
        switch (fact.action) {
          case "add": {
            const write: MemoryWrite = { _tag: "Add", memory: yield* newMemory(fact.text, metadata, scope) }
            return write
          }
          case "update": {
            const { id, metadata: kept, scope: own } = fact.known
            const write: MemoryWrite = { _tag: "Update", id, content: yield* contentOf(fact.text, kept, own) }
            return write
          }
          case "supersede": {
            const { id, scope: own } = fact.known
            const write: MemoryWrite = { _tag: "Supersede", id, memory: yield* newMemory(fact.text, metadata, own) }
            return write
          }
        }
      })

      const study = Effect.fn("MemoryLearning.study")(function* (lesson: Lesson, onSpent: (spent: Spent) => void) {
        const { conversation, scope, tenant, withheld } = lesson
        if (conversation.every(({ text }) => text.trim() === "")) return []
        const question = conversation
          .map(({ text }) => text)
          .join("\n")
          .slice(-questionLength)
        const { found } = yield* search({ tenant, match: "open", scope }, question, mostKnown)
        const answer = yield* model.ask(planRequest(conversation, found, new Date(yield* Clock.currentTimeMillis)))
        onSpent({ cost_usd: answer.cost_usd })
        const facts = yield* planOf(answer.value, found, withheld)
        return yield* Effect.forEach(facts, (fact) => writeOf(fact, lesson))
      })

      return MemoryLearning.of({
        configured: model.configured,
        study,
        learn: Effect.fn("MemoryLearning.learn")(function* (principal, conversation, metadata, scope) {
          yield* refuseKeys({ metadata })
          const { api_key_id, tenant_id } = principal
          const lesson: Lesson = { tenant: tenant_id, scope, conversation, withheld: [], metadata }
          const writes = yield* study(lesson, () => {})
          return yield* repository.apply(tenant_id, writes, { kind: "api_key", id: api_key_id })
        })
      })
    })
  )
}
