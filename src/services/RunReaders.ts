import { Context, Effect, Layer, Option, Schedule } from "effect"
import type { RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import { RunReaderRepository } from "../storage/RunReaderRepository.ts"
import { RunLog } from "./RunLog.ts"

/** How often it is looked whether anybody here reads a run, in milliseconds. */
const checkEvery = 1000

/** Longest time between two notes of what is read here. */
const noteEvery = 5000

/**
 * Readers of runs, on whichever instance. Each instance notes in the database, a few times in DISCONNECT_GRACE, which
 * runs are read there; an owner looks at that only when it has had no reader of its own for so long.
 */
export class RunReaders extends Context.Service<
  RunReaders,
  {
    /** Waits until nobody has read a run for DISCONNECT_GRACE. */
    awaitNone(session: SessionId, run: RunId): Effect.Effect<void>
  }
>()("causeway/services/RunReaders") {
  static readonly layer = Layer.effect(
    RunReaders,
    Effect.gen(function* () {
      const { disconnectGrace } = yield* Settings
      const log = yield* RunLog
      const readers = yield* RunReaderRepository

      const note = Effect.suspend(() => {
        const { runs, sessions } = log.read()
        return runs.length + sessions.length === 0 ? Effect.void : readers.note(runs, sessions)
      }).pipe(Effect.catch((failure) => Effect.logDebug("It cannot be noted which runs are read here", failure)))
      yield* Effect.repeat(note, Schedule.spaced(Math.min(noteEvery, disconnectGrace / 3))).pipe(Effect.forkScoped)

      /** While it cannot be told nobody is assumed to have left. */
      const elsewhere = (run: RunId) =>
        readers.sinceRead(run).pipe(
          Effect.map(Option.getOrElse(() => disconnectGrace)),
          Effect.catch(() => Effect.succeed(0))
        )

      return RunReaders.of({
        awaitNone: Effect.fn("RunReaders.awaitNone")(function* (session, run) {
          let unread = 0
          while (unread < disconnectGrace) {
            yield* Effect.sleep(checkEvery)
            unread = log.readers(session, run) > 0 ? 0 : unread + checkEvery
            if (unread >= disconnectGrace) unread = Math.min(unread, yield* elsewhere(run))
          }
        })
      })
    })
  )
}
