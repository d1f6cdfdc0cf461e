import { Context, type Effect } from "effect"
import type { EmbedderFailed } from "../domain/errors/MemoryErrors.ts"

/** A text's meaning as a direction: numbers whose squares add up to 1. */
export type Embedding = ReadonlyArray<number>

/** Turns texts into embeddings, so that what means the same is found in other words. */
export interface ConfiguredEmbedder {
  /** Only embeddings of one model can be compared. */
  readonly model: string
  /** Longest wait for the embedding of a question, in milliseconds. */
  readonly questionLimit: number
  /** The embeddings of texts, in their order, or a failure within a time limit in milliseconds. */
  readonly embed: (
    texts: ReadonlyArray<string>,
    limit: number
  ) => Effect.Effect<ReadonlyArray<Embedding>, EmbedderFailed>
}

/** The embedder; null where none is configured, and memory is searched by words alone. */
export class Embedder extends Context.Service<Embedder, ConfiguredEmbedder | null>()("causeway/outbound/Embedder") {}
