import { Effect } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { MemoryId, type MemoryMetadata, type MemoryScope } from "../domain/Memory.ts"
import type { MemoryContent, NewMemory } from "../storage/MemoryChanges.ts"
import { indexText } from "./search/TextIndex.ts"

/** A text as it counts for whether two memories are the same. */
export const normalised = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.!?\s]+$/u, "")

const encoder = new TextEncoder()

/** Makes of texts what is stored of them. */
export const makeMemoryContents = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom

  const contentOf = Effect.fnUntraced(function* (memory: string, metadata: MemoryMetadata, scope: MemoryScope) {
    const hash = yield* digest.digestHex(Digest.sha256, encoder.encode(normalised(memory)))
    const content: MemoryContent = { memory, hash, metadata, indexed: indexText(memory, metadata, scope) }
    return content
  })

  return {
    contentOf,
    newMemory: Effect.fnUntraced(function* (memory: string, metadata: MemoryMetadata, scope: MemoryScope) {
      const content = yield* contentOf(memory, metadata, scope)
      const made: NewMemory = { ...content, id: MemoryId.make(yield* random.uuidV7()), scope }
      return made
    })
  }
})
