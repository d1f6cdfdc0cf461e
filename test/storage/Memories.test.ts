import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import type { MemoryActor, MemoryMetadata, MemoryScope } from "../../src/domain/Memory.ts"
import type { TenantId } from "../../src/domain/Tenant.ts"
import { Embedder } from "../../src/outbound/Embedder.ts"
import { makeMemoryContents } from "../../src/services/MemoryContents.ts"
import { makeMemorySearch } from "../../src/services/MemorySearch.ts"
import { MemoryEmbeddingRepository } from "../../src/storage/MemoryEmbeddingRepository.ts"
import { MemoryRepository } from "../../src/storage/MemoryRepository.ts"
import type { SearchScope } from "../../src/storage/MemoryScopes.ts"
import { MemorySettingsRepository } from "../../src/storage/MemorySettingsRepository.ts"
import { onBothDatabases } from "./Databases.ts"
import { newTenant } from "./Fixtures.ts"

const actor: MemoryActor = { kind: "api_key", id: "key" }

const contents = Effect.provide(makeMemoryContents, Layer.merge(Digest.layerWebCrypto, SecureRandom.layerWebCrypto))

const remember = Effect.fnUntraced(function* (
  tenant: TenantId,
  text: string,
  metadata: MemoryMetadata = {},
  scope: MemoryScope = {}
) {
  const { newMemory } = yield* contents
  const memories = yield* MemoryRepository
  const [added] = yield* memories.add(tenant, [yield* newMemory(text, metadata, scope)], actor)
  if (added === undefined) return assert.fail("nothing was added")
  return added
})

/** Search without an embedder. */
const wordSearch = Effect.provideService(makeMemorySearch, Embedder, null)

const found = Effect.fnUntraced(function* (tenant: TenantId, question: string, scope: MemoryScope = {}) {
  const search = yield* wordSearch
  return (yield* search({ tenant, match: "only", scope }, question, 10)).found
})

const textsFound = (tenant: TenantId, question: string, scope?: MemoryScope) =>
  Effect.map(found(tenant, question, scope), (all) => all.map(({ memory }) => memory))

onBothDatabases("memories", (it) => {
  it.effect("are one where their normalised text and scope are the same, however many add them at once", () =>
    Effect.gen(function* () {
      const tenant = yield* newTenant
      const texts = ["Ann likes tea.", "  ann LIKES\ttea", "Ann likes tea!"]
      const added = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, index) => texts[index % 3] ?? ""),
        (text) => remember(tenant, text),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(added.map(({ memory }) => memory.id)).size, 1)
      assert.lengthOf(
        added.filter((one) => one.added),
        1
      )
      assert.isTrue((yield* remember(tenant, "Ann likes tea.", {}, { user_id: "ann" })).added)
      assert.isTrue((yield* remember(yield* newTenant, "Ann likes tea.")).added)
    })
  )

  it.effect("are changed, ended and restored, and each change is a version", () =>
    Effect.gen(function* () {
      const memories = yield* MemoryRepository
      const { contentOf } = yield* contents
      const tenant = yield* newTenant
      const { memory } = yield* remember(tenant, "The office is in Berlin.")
      const content = yield* contentOf("The office is in Hamburg.", { source: "test" }, {})
      const changed = yield* memories.update(tenant, memory.id, content, actor)
      assert.strictEqual(changed._tag === "Some" ? changed.value.memory : "", "The office is in Hamburg.")
      assert.deepEqual(yield* textsFound(tenant, "Where is the office?"), ["The office is in Hamburg."])
      assert.deepEqual(yield* textsFound(tenant, "Berlin?"), [])

      const ended = yield* memories.invalidate(tenant, memory.id, actor)
      assert.isTrue(ended._tag === "Some" && ended.value.valid_to !== null)
      assert.deepEqual(yield* textsFound(tenant, "Where is the office?"), [])
      const again = yield* memories.invalidate(tenant, memory.id, actor)
      assert.deepEqual(again, ended)

      const undo = Effect.gen(function* () {
        const change = yield* memories.lastChange(tenant, memory.id)
        if (change._tag === "None") return "nothing to undo"
        const { event, old_memory, old_metadata } = change.value
        const before = event === "updated" ? yield* contentOf(old_memory ?? "", old_metadata ?? {}, {}) : null
        const undone = yield* memories.undo(tenant, change.value, before, actor)
        return undone._tag === "Undone" ? undone.memory.memory : undone._tag
      })
      assert.strictEqual(yield* undo, "The office is in Hamburg.")
      assert.strictEqual(yield* undo, "The office is in Berlin.")
      assert.strictEqual(yield* undo, "nothing to undo")
      assert.deepEqual(yield* textsFound(tenant, "Where is the office?"), ["The office is in Berlin."])

      const { items, next } = yield* memories.history(tenant, memory.id, null, 3)
      assert.deepEqual(
        items.map(({ event }) => event),
        ["restored", "restored", "invalidated"]
      )
      const rest = yield* memories.history(tenant, memory.id, next, 3)
      assert.deepEqual(
        rest.items.map(({ event, new_memory, old_memory, undone }) => ({ event, new_memory, old_memory, undone })),
        [
          {
            event: "updated",
            new_memory: "The office is in Hamburg.",
            old_memory: "The office is in Berlin.",
            undone: true
          },
          { event: "added", new_memory: "The office is in Berlin.", old_memory: null, undone: false }
        ]
      )
    })
  )

  it.effect("cannot become equal to another one", () =>
    Effect.gen(function* () {
      const memories = yield* MemoryRepository
      const { contentOf } = yield* contents
      const tenant = yield* newTenant
      yield* remember(tenant, "One.")
      const { memory } = yield* remember(tenant, "Two.")
      const failure = yield* Effect.flip(memories.update(tenant, memory.id, yield* contentOf("one", {}, {}), actor))
      assert.strictEqual(failure._tag, "AlreadyExists")
    })
  )

  it.effect("of another tenant do not exist", () =>
    Effect.gen(function* () {
      const memories = yield* MemoryRepository
      const [mine, theirs] = [yield* newTenant, yield* newTenant]
      const { memory } = yield* remember(theirs, "The vault opens at nine.")
      assert.strictEqual((yield* memories.find(mine, memory.id))._tag, "None")
      assert.strictEqual((yield* memories.invalidate(mine, memory.id, actor))._tag, "None")
      assert.strictEqual((yield* memories.lastChange(mine, memory.id))._tag, "None")
      assert.isFalse(yield* memories.delete(mine, memory.id))
      assert.strictEqual(yield* memories.deleteSome(mine, {}), 0)
      assert.deepEqual((yield* memories.history(mine, memory.id, null, 10)).items, [])
      assert.deepEqual((yield* memories.list(mine, {}, null, 10)).items, [])
      assert.deepEqual(yield* textsFound(mine, "When does the vault open?"), [])
      assert.lengthOf(yield* textsFound(theirs, "When does the vault open?"), 1)
    })
  )

  it.effect("are listed and deleted by scope; a row that does not decode hides no other", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const memories = yield* MemoryRepository
      const tenant = yield* newTenant
      for (let number = 0; number < 5; number++) {
        yield* remember(tenant, `Fact ${number}`, {}, number % 2 === 0 ? { user_id: "ann" } : { user_id: "bob" })
      }
      const { memory } = yield* remember(tenant, "Fact broken")
      yield* sql`UPDATE memories SET metadata = '[1]' WHERE id = ${memory.id}`
      const first = yield* memories.list(tenant, {}, null, 3)
      assert.deepEqual(
        first.items.map((item) => item.memory),
        ["Fact 4", "Fact 3"]
      )
      const second = yield* memories.list(tenant, {}, first.next, 3)
      assert.deepEqual(
        second.items.map((item) => item.memory),
        ["Fact 2", "Fact 1", "Fact 0"]
      )
      assert.isNull(second.next)
      assert.notInclude(yield* textsFound(tenant, "fact broken"), "Fact broken")
      assert.lengthOf((yield* memories.list(tenant, { user_id: "bob" }, null, 10)).items, 2)
      assert.strictEqual(yield* memories.deleteSome(tenant, { user_id: "ann" }), 3)
      assert.strictEqual(yield* memories.deleteSome(tenant, {}), 3)
      const [terms] = yield* sql<{ count: number }>`
        SELECT count(*)::int AS count FROM memory_terms WHERE tenant_id = ${tenant}`
      assert.strictEqual(terms?.count, 0)
    })
  )

  it.effect("are found by stems, irregular forms, synonyms, misspellings, dates and neighbours", () =>
    Effect.gen(function* () {
      const tenant = yield* newTenant
      const said = (text: string, speaker: string, turn: number, timestamp: string) =>
        remember(tenant, text, { speaker, turn, timestamp })
      yield* said("I went to the dentist yesterday.", "Nora", 1, "2023-05-08T10:00:00Z")
      yield* said("What did you buy at the market?", "Nora", 2, "2023-06-01T10:00:00Z")
      yield* said("Three pumpkins!", "Otto", 3, "2023-06-01T10:01:00Z")
      yield* said("My colleague teaches pottery.", "Otto", 1, "2023-07-01T10:00:00Z")
      yield* said("The weather is dull.", "Nora", 2, "2023-07-01T10:00:00Z")
      const best = (question: string) => Effect.map(textsFound(tenant, question), ([first]) => first)
      assert.strictEqual(yield* best("Where did she go on 7 May 2023?"), "I went to the dentist yesterday.")
      assert.strictEqual(yield* best("Who taught ceramics?"), "My colleague teaches pottery.")
      assert.strictEqual(yield* best("dentst"), "I went to the dentist yesterday.")
      assert.includeMembers((yield* textsFound(tenant, "What was bought at the market?")).slice(0, 2), [
        "Three pumpkins!"
      ])
      assert.strictEqual(yield* best("What does Otto say of his coworker?"), "My colleague teaches pottery.")
      for (const { score } of yield* found(tenant, "Nora market dentist pumpkins")) {
        assert.isTrue(score > 0 && score <= 1)
      }
      assert.deepEqual(yield* textsFound(tenant, "?!"), [])
      assert.deepEqual(yield* textsFound(tenant, "' OR 1=1 -- & | ! <-> :* \\"), [])
    })
  )

  it.effect("of a scope are found in it only; an open search takes those without one too, and no other's", () =>
    Effect.gen(function* () {
      const tenant = yield* newTenant
      const search = yield* wordSearch
      yield* remember(tenant, "The key hangs by the door.")
      yield* remember(tenant, "The key lies in the drawer.", {}, { user_id: "ann" })
      yield* remember(tenant, "The key is lost.", {}, { user_id: "bob" })
      assert.lengthOf(yield* textsFound(tenant, "Where is the key?"), 3)
      assert.deepEqual(yield* textsFound(tenant, "Where is the key?", { user_id: "bob" }), ["The key is lost."])
      const open = (scope: MemoryScope) =>
        Effect.map(search({ tenant, match: "open", scope }, "Where is the key?", 10), (all) =>
          all.found.map(({ memory }) => memory).toSorted()
        )
      assert.deepEqual(yield* open({}), ["The key hangs by the door."])
      assert.deepEqual(yield* open({ user_id: "ann" }), ["The key hangs by the door.", "The key lies in the drawer."])
    })
  )

  it.effect("are used as each tenant sets it", () =>
    Effect.gen(function* () {
      const settings = yield* MemorySettingsRepository
      const tenant = yield* newTenant
      const nothing = { recall: null, extract: null, recall_limit: null, recall_tokens: null }
      assert.deepEqual(yield* settings.find(tenant), nothing)
      assert.deepEqual(yield* settings.change(tenant, { recall: false, recall_limit: 3 }), {
        ...nothing,
        recall: false,
        recall_limit: 3
      })
      assert.deepEqual(yield* settings.change(tenant, { recall: null, extract: false }), {
        ...nothing,
        extract: false,
        recall_limit: 3
      })
      assert.deepEqual(yield* settings.find(yield* newTenant), nothing)
    })
  )

  it.effect("have embeddings, of which the nearest are found in their scope, as long as the text is the same", () =>
    Effect.gen(function* () {
      const embeddings = yield* MemoryEmbeddingRepository
      const tenant = yield* newTenant
      const where: SearchScope = { tenant, match: "only", scope: {} }
      const own = yield* remember(tenant, "one")
      yield* remember(tenant, "two", {}, { user_id: "ann" })
      yield* remember(yield* newTenant, "three")
      const claimed = yield* embeddings.claim(1000, 60_000)
      assert.lengthOf(yield* embeddings.claim(1000, 60_000), 0)
      const embeddingOf = (memory: string) => (memory === "one" ? [1, 0, 0] : [0.6, 0.8, 0])
      yield* embeddings.save(
        "m",
        claimed.map(({ hash, memory, number }) => ({ number, hash, embedding: embeddingOf(memory) }))
      )
      const near = yield* embeddings.nearest(where, "m", [0, 1, 0], 10)
      assert.deepEqual(
        near.map(({ similarity }) => similarity.toFixed(3)),
        ["0.800", "0.000"]
      )
      assert.lengthOf(yield* embeddings.nearest({ ...where, scope: { user_id: "ann" } }, "m", [1, 0, 0], 10), 1)
      assert.lengthOf(yield* embeddings.nearest(where, "other", [0, 1, 0], 10), 0)
      assert.lengthOf(yield* embeddings.nearest(where, "m", [0, 1], 10), 0)

      const { contentOf } = yield* contents
      const memories = yield* MemoryRepository
      yield* memories.update(tenant, own.memory.id, yield* contentOf("four", {}, {}), actor)
      assert.lengthOf(yield* embeddings.nearest(where, "m", [0, 1, 0], 10), 1)
      const [changed] = yield* embeddings.claim(1000, 60_000)
      assert.strictEqual(changed?.memory, "four")
      yield* embeddings.save("m", [{ number: changed?.number ?? 0, hash: "of an older text", embedding: [1, 0, 0] }])
      assert.lengthOf(yield* embeddings.nearest(where, "m", [0, 1, 0], 10), 1)
    })
  )
})
