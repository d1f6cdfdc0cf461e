import { Effect, Latch, type Scope } from "effect"
import type { SessionId } from "../domain/Session.ts"
import type { Frame } from "./Frame.ts"

/** A reader's view of what is being written right now. */
export interface Subscription {
  /**
   * Everything since the last call. `whole` is false when something was left out for want
   * of room; `woken` is true when there may be something that is only in the database.
   */
  readonly take: () => { readonly frames: ReadonlyArray<Frame>; readonly whole: boolean; readonly woken: boolean }
  /** Waits until there may be something new. */
  readonly wait: Effect.Effect<void>
}

/**
 * Hands frames that have just been stored to the readers on this instance. What does
 * not fit into a reader's buffer is left out, since the reader finds it in the database.
 */
export interface Broadcast {
  readonly publish: (session: SessionId, frames: ReadonlyArray<Frame>) => void
  /** Has readers of a session look at the database. */
  readonly wake: (session: string) => void
  readonly wakeAll: () => void
  readonly subscribe: (session: SessionId) => Effect.Effect<Subscription, never, Scope.Scope>
}

class Reader implements Subscription {
  readonly #latch = Latch.makeUnsafe(false)
  readonly #limit: number
  #frames: Array<Frame> = []
  #bytes = 0
  #whole = true
  #woken = false

  constructor(limit: number) {
    this.#limit = limit
  }

  readonly wait = this.#latch.await

  take() {
    this.#latch.closeUnsafe()
    const taken = { frames: this.#frames, whole: this.#whole, woken: this.#woken }
    this.#frames = []
    this.#bytes = 0
    this.#whole = true
    this.#woken = false
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
    this.#woken = true
    this.#latch.openUnsafe()
  }
}

/** Makes the broadcast of an instance; each reader holds at most `readerBytes` of frames. */
export const makeBroadcast = (readerBytes: number): Broadcast => {
  const sessions = new Map<string, Set<Reader>>()
  return {
    publish: (session, frames) => {
      for (const reader of sessions.get(session) ?? []) reader.give(frames)
    },
    wake: (session) => {
      for (const reader of sessions.get(session) ?? []) reader.wake()
    },
    wakeAll: () => {
      for (const readers of sessions.values()) for (const reader of readers) reader.wake()
    },
    subscribe: (session) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const reader = new Reader(readerBytes)
          const readers = sessions.get(session)
          if (readers === undefined) sessions.set(session, new Set([reader]))
          else readers.add(reader)
          return reader
        }),
        (reader) =>
          Effect.sync(() => {
            const readers = sessions.get(session)
            readers?.delete(reader)
            if (readers?.size === 0) sessions.delete(session)
          })
      )
  }
}
