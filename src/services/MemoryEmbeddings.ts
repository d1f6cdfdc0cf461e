import { Effect, Layer } from "effect"
import type { EmbedderFailed } from "../domain/errors/MemoryErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type ConfiguredEmbedder, Embedder } from "../outbound/Embedder.ts"
import { MemoryEmbeddingRepository, type UnembeddedMemory } from "../storage/MemoryEmbeddingRepository.ts"
import { reportFailure } from "./FailureReport.ts"

/** Texts of one request. */
const batch = 32

/** How long a batch may take, in milliseconds, and how long it is nobody else's. */
const longestBatch = 30_000
const batchLease = 60_000

/** How often it is looked for memories without an embedding, in milliseconds. */
const lookEvery = 1000

/** Pause after a failure. */
const failurePause = 10_000

/** How long a text is left alone that the embedder refuses. */
const refusedPause = 24 * 60 * 60 * 1000

/** Embeddings of another model that are forgotten at once. */
const forgotten = 500

/** Embeds what lacks an embedding, a little at a time; nobody waits for it. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const embedder = yield* Embedder
    const repository = yield* MemoryEmbeddingRepository
    if (embedder === null) return

    const embed = Effect.fnUntraced(function* (
      { embed, model }: ConfiguredEmbedder,
      memories: ReadonlyArray<UnembeddedMemory>
    ) {
      const embeddings = yield* embed(
        memories.map(({ memory }) => memory),
        longestBatch
      )
      const made = memories.flatMap(({ hash, number }, place) => {
        const embedding = embeddings[place]
        return embedding === undefined ? [] : [{ number, hash, embedding }]
      })
      yield* repository.save(model, made)
    })

    const refused = (failure: EmbedderFailed | DatabaseFailure) =>
      failure._tag === "EmbedderFailed" && failure.reason === "refused"

    // One text that the embedder cannot take must not keep the others of its batch from theirs.
    const oneByOne = (memories: ReadonlyArray<UnembeddedMemory>) =>
      Effect.forEach(
        memories,
        (memory) =>
          Effect.catchIf(embed(embedder, [memory]), refused, () => repository.postpone(memory.number, refusedPause)),
        { discard: true }
      )

    const step = Effect.gen(function* () {
      const memories = yield* repository.claim(batch, batchLease)
      if (memories.length === 0) return yield* Effect.sleep(lookEvery)
      yield* Effect.catchIf(embed(embedder, memories), refused, () => oneByOne(memories))
    }).pipe(
      Effect.catch((failure) =>
        Effect.andThen(
          failure._tag === "EmbedderFailed"
            ? reportFailure(failure, {})
            : Effect.logDebug("Memories cannot be embedded now", failure),
          Effect.sleep(failurePause)
        )
      )
    )

    const forget: Effect.Effect<void, DatabaseFailure> = Effect.flatMap(
      repository.forgetOthers(embedder.model, forgotten),
      (count) => (count === 0 ? Effect.void : forget)
    )

    yield* forget.pipe(
      Effect.catch((failure) => Effect.logWarning("Embeddings of another model cannot be forgotten now", failure)),
      Effect.andThen(Effect.forever(step)),
      Effect.forkScoped
    )
  })
)
