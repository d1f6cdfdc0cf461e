import { Effect, Semaphore } from "effect"
import { InstanceOverloaded } from "../domain/errors/RequestErrors.ts"

/** Lets the next agent start. Doing it again changes nothing. */
export type EndOfStart = Effect.Effect<void>

/** Agents start one after the other, so many at a time: a start is all CPU, and more at once take longer each. */
export interface StartTurns {
  /** How many are starting now. */
  readonly starting: () => number
  /** Waits for its turn. */
  readonly take: Effect.Effect<EndOfStart>
  /** The same for a while, and then gives up. */
  readonly takeSoon: Effect.Effect<EndOfStart, InstanceOverloaded>
}

/** What a client that was turned away for too many starts should wait, in seconds. */
const startRetry = 5

/** Makes the turns of an instance; `patience` is in milliseconds. */
export const makeStartTurns = (atOnce: number, patience: number): StartTurns => {
  const turns = Semaphore.makeUnsafe(atOnce)
  let starting = 0

  const begin = (): EndOfStart => {
    let over = false
    starting++
    return Effect.suspend(() => {
      if (over) return Effect.void
      over = true
      starting--
      return Effect.asVoid(turns.release(1))
    })
  }

  const take = Effect.uninterruptibleMask((restore) => Effect.map(restore(turns.take(1)), begin))

  return {
    starting: () => starting,
    take,
    takeSoon: Effect.uninterruptibleMask((restore) =>
      restore(turns.take(1)).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => Effect.fail(new InstanceOverloaded({ reason: "starts", retry_after_seconds: startRetry }))
        }),
        Effect.map(begin)
      )
    )
  }
}
