import { Cause, Effect, Option, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { type RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { MemoryJobRepository } from "../storage/MemoryJobRepository.ts"
import { RunEventRepository } from "../storage/RunEventRepository.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import type { Broadcast, Subscription } from "./Broadcast.ts"
import { type Frame, makeFrame } from "./Frame.ts"
import { droppedFrames, farewellFrame } from "./UnstoredFrames.ts"

/** What is followed: one run, or all runs of a session. */
export interface ReadSubject {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId | null
}

/** Rows that a reader fetches at once. */
const pageRows = 500

/** How often a reader of a run that is written elsewhere looks for news that no ring announced, in milliseconds. */
const remotePoll = 500

/** Pause before something that the database did not take is tried again. */
const retryPause = 200

const nothingMore = Option.some<ReadonlyArray<Frame>>([])

const isNonEmpty = (frames: ReadonlyArray<Frame>): frames is NonEmptyReadonlyArray<Frame> => frames.length > 0

/** What readers of the log must know of their instance. */
export interface ReadingInstance {
  readonly broadcast: Broadcast
  /** Whether what is followed is being written by this instance. */
  readonly isHere: (subject: ReadSubject) => boolean
  /** Whether it stops, and sends its readers elsewhere. */
  readonly isStopping: () => boolean
}

/** Makes what readers of the log follow. */
export const makeLogReading = Effect.fnUntraced(function* ({ broadcast, isHere, isStopping }: ReadingInstance) {
  const events = yield* RunEventRepository
  const runs = yield* RunRepository
  const jobs = yield* MemoryJobRepository

  /** Stored frames after a number. A reader cannot be told of a failure, so it waits until the database is back. */
  const stored = (subject: ReadSubject, after: Sequence): Effect.Effect<ReadonlyArray<Frame>> =>
    events
      .read(subject.tenant_id, subject.session_id, {
        after,
        limit: pageRows,
        ...(subject.run_id === null ? {} : { run: subject.run_id })
      })
      .pipe(
        Effect.map((records) => records.map(makeFrame)),
        Effect.catch(() => Effect.andThen(Effect.sleep(retryPause), stored(subject, after)))
      )

  /** None while it is live; else the frames of its end that are not in the log. */
  const endOf = ({ run_id, session_id, tenant_id }: ReadSubject): Effect.Effect<Option.Option<ReadonlyArray<Frame>>> =>
    (run_id === null
      ? Effect.map(runs.findLive(tenant_id, session_id), (live) => (Option.isSome(live) ? Option.none() : nothingMore))
      : Effect.map(
          runs.find(tenant_id, run_id),
          Option.match({
            onNone: () => nothingMore,
            onSome: (run) => {
              if (run.ended_at === null) return Option.none()
              return run.last_seq > run.start_seq ? nothingMore : Option.some(droppedFrames(run))
            }
          })
        )
    ).pipe(
      // The last event of a run that ended may still wait for what is learned from it.
      Effect.flatMap((end) =>
        Option.isSome(end) && end.value.length === 0
          ? Effect.map(jobs.isPending(tenant_id, session_id), (pending) => (pending ? Option.none() : end))
          : Effect.succeed(end)
      ),
      Effect.catch(() => Effect.succeedNone)
    )

  const pull = (subject: ReadSubject, after: Sequence, subscription: Subscription) => {
    let cursor: number = after
    let over = false
    /** Whether all up to the cursor was seen, and all that is written here after it will come by the subscription. */
    let current = false
    let kept: ReadonlyArray<Frame> = []

    const isWanted = ({ run_id, seq }: Frame) =>
      (subject.run_id === null || subject.run_id === run_id) && (seq === null || seq > cursor)

    /** Of a run, no more than to the next `done`: after it may come another segment. In a session another run may follow. */
    const emit = (frames: NonEmptyReadonlyArray<Frame>) => {
      const end = subject.run_id === null ? -1 : frames.findIndex(({ event }) => event === "done")
      if (end >= 0) over = true
      const shown: NonEmptyReadonlyArray<Frame> = end >= 0 ? [frames[0], ...frames.slice(1, end + 1)] : frames
      for (const { seq } of shown) if (seq !== null) cursor = seq
      return Effect.succeed(shown)
    }

    const next: Effect.Effect<NonEmptyReadonlyArray<Frame>, Cause.Done> = Effect.gen(function* () {
      if (over) return yield* Cause.done()
      const { frames, whole, woken } = subscription.take()
      if (!whole || woken) current = false
      kept = [...kept, ...frames].filter(isWanted)
      const [first] = kept
      if (whole && isNonEmpty(kept) && (first?.seq === null || first?.seq === cursor + 1)) {
        const live = kept
        kept = []
        if (first?.seq !== null && !woken) current = true
        return yield* emit(live)
      }
      if (current && kept.length === 0 && isHere(subject)) {
        yield* subscription.wait
        return yield* next
      }
      const found = yield* stored(subject, Sequence.make(cursor))
      current = found.length < pageRows
      if (isNonEmpty(found)) return yield* emit(found)
      // The database may hold less than was shown: frames without a number stand nowhere else.
      const unsaved = kept.filter(({ seq }) => seq === null)
      kept = []
      if (isNonEmpty(unsaved)) return yield* emit(unsaved)
      const here = isHere(subject)
      const end = here ? Option.none() : yield* endOf(subject)
      if (Option.isSome(end)) {
        const rest = yield* stored(subject, Sequence.make(cursor))
        const last = rest.length > 0 ? rest : end.value
        return yield* isNonEmpty(last) ? emit(last) : Cause.done()
      }
      if (!here && isStopping()) {
        over = true
        return yield* emit([farewellFrame(subject.run_id, cursor)])
      }
      yield* here ? subscription.wait : Effect.timeoutOption(subscription.wait, remotePoll)
      return yield* next
    })
    return next
  }

  return (subject: ReadSubject, after: Sequence): Stream.Stream<Frame> =>
    Stream.fromPull(Effect.map(broadcast.subscribe(subject.session_id), (reader) => pull(subject, after, reader))).pipe(
      Stream.scoped
    )
})
