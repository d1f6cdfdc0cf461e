import { Effect, Latch, type Scope } from "effect"
import type { RunId } from "../domain/Run.ts"
import type { Frame } from "./Frame.ts"

/** A reader's view of what is being written right now. */
export interface Subscription {
  /** Everything since the last call; false as second member when something was left out for want of room. */
  readonly take: () => { readonly frames: ReadonlyArray<Frame>; readonly whole: boolean }
  /** Waits until there may be something new. */
  readonly wait: Effect.Effect<void>
}

/**
 * Hands frames that have just been stored to the readers on this instance. What does
 * not fit into a reader's buffer is left out, since the reader finds it in the database.
 */
export interface Broadcast {
  readonly publish: (run: RunId, frames: ReadonlyArray<Frame>) => void
  /** Has readers of a run look at the database. */
  readonly wake: (run: string) => void
  readonly wakeAll: () => void
  readonly subscribe: (run: RunId) => Effect.Effect<Subscription, never, Scope.Scope>
  /** How many readers a run has here. */
  readonly readers: (run: RunId) => number
}

class Reader implements Subscription {
  readonly #latch = Latch.makeUnsafe(false)
  readonly #limit: number
  #frames: Array<Frame> = []
  #bytes = 0
  #whole = true

  constructor(limit: number) {
    this.#limit = limit
  }

  readonly wait = this.#latch.await

  take() {
    this.#latch.closeUnsafe()
    const taken = { frames: this.#frames, whole: this.#whole }
    this.#frames = []
    this.#bytes = 0
    this.#whole = true
    return taken
  }

  give(frames: ReadonlyArray<Frame>) {
    for (const frame of frames) {
      // A frame without a number is nowhere else, so it is kept whatever it takes; there are three of them at most.
      if (frame.seq !== null && this.#bytes + frame.bytes.length > this.#limit) {
        this.#whole = false
        continue
      }
      this.#frames.push(frame)
      this.#bytes += frame.bytes.length
    }
    this.#latch.openUnsafe()
  }

  wake() {
    this.#latch.openUnsafe()
  }
}

/** Makes the broadcast of an instance; each reader holds at most `readerBytes` of frames. */
export const makeBroadcast = (readerBytes: number): Broadcast => {
  const runs = new Map<string, Set<Reader>>()
  return {
    publish: (run, frames) => {
      for (const reader of runs.get(run) ?? []) reader.give(frames)
    },
    wake: (run) => {
      for (const reader of runs.get(run) ?? []) reader.wake()
    },
    wakeAll: () => {
      for (const readers of runs.values()) for (const reader of readers) reader.wake()
    },
    subscribe: (run) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const reader = new Reader(readerBytes)
          const readers = runs.get(run)
          if (readers === undefined) runs.set(run, new Set([reader]))
          else readers.add(reader)
          return reader
        }),
        (reader) =>
          Effect.sync(() => {
            const readers = runs.get(run)
            readers?.delete(reader)
            if (readers?.size === 0) runs.delete(run)
          })
      ),
    readers: (run) => runs.get(run)?.size ?? 0
  }
}
