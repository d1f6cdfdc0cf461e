import { Cause, Clock, Context, Effect, Layer, Option, Result, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Doorbell } from "../cache/Doorbell.ts"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import { type Lease, type RunId, Sequence } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { type LogRecord, RunEventRepository } from "../storage/RunEventRepository.ts"
import { type RunEnd, RunRepository } from "../storage/RunRepository.ts"
import { makeBroadcast, type Subscription } from "./Broadcast.ts"
import { encodeData, type Frame, makeFrame } from "./Frame.ts"
import { measureStored } from "./LogMetrics.ts"
import { type CommitFailure, makeLogWriter } from "./LogWriter.ts"
import { countEnded } from "./RunMetrics.ts"

/** Which run's events are written or read. */
export interface LogSubject {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId
}

/** Writes the events of one run that this instance holds. */
export interface RunWriter {
  /** Gives the event its number and hands it to the log; waits only while too much is not yet stored. */
  readonly append: (event: RunEvent) => Effect.Effect<void, CommitFailure>
  /** Stores the last events and the end states together, after all that was appended before. */
  readonly finish: (events: ReadonlyArray<RunEvent>, end: RunEnd) => Effect.Effect<void, CommitFailure>
  /** Shows events that could not be stored to the readers of this instance. */
  readonly show: (events: ReadonlyArray<RunEvent>) => Effect.Effect<void>
  /** Never succeeds; fails as soon as the log can take no more of this run. */
  readonly failed: Effect.Effect<never, CommitFailure>
}

/** Rows that a reader fetches at once. */
const pageRows = 500

/** How often a reader of a run that is written elsewhere looks for news that no ring announced, in milliseconds. */
const remotePoll = 500

/** Likewise for a run that is written here, whose news come by themselves. */
const localPoll = 15_000

/** Pause before something that the database did not take is tried again. */
const retryPause = 200

const bellPrefix = "run:"

/** The log of all runs: each event is numbered, stored, and only then shown to readers. */
export class RunLog extends Context.Service<
  RunLog,
  {
    /** Takes up writing under a lease, from the number that the session has reached. */
    open(subject: LogSubject, lease: Lease, after: Sequence): RunWriter
    /** Ends writing here; readers that are still there find the rest in the database. */
    close(run: RunId): Effect.Effect<void>
    /**
     * The run's frames after a number: those that are stored, then the others as they are
     * stored, ending after `done`. While the database is away it waits.
     */
    follow(subject: LogSubject, after: Sequence): Stream.Stream<Frame>
    /** How many readers a run has on this instance. */
    readers(run: RunId): number
  }
>()("causeway/services/RunLog") {
  static readonly layer = Layer.effect(
    RunLog,
    Effect.gen(function* () {
      const settings = yield* Settings
      const events = yield* RunEventRepository
      const runs = yield* RunRepository
      const doorbell = yield* Doorbell
      const broadcast = makeBroadcast(settings.readerBufferBytes)
      const writtenHere = new Set<string>()
      const context = yield* Effect.context<never>()

      const publish = (run: RunId, frames: ReadonlyArray<Frame>) =>
        Effect.suspend(() => {
          broadcast.publish(run, frames)
          return doorbell.ring(bellPrefix + run)
        })

      const writer = yield* makeLogWriter({
        owner: settings.instanceId,
        appendTimeout: settings.appendTimeout,
        bufferBytes: settings.appendBufferBytes,
        append: events.append,
        committed: publish
      })

      // What is written here reaches its readers directly: their own ring would only send them to the database.
      yield* doorbell.rings.pipe(
        Stream.runForEach((name) =>
          Effect.sync(() => {
            if (name === "") return broadcast.wakeAll()
            const run = name.slice(bellPrefix.length)
            if (name.startsWith(bellPrefix) && !writtenHere.has(run)) broadcast.wake(run)
          })
        ),
        Effect.forkScoped
      )

      const open = (subject: LogSubject, lease: Lease, after: Sequence): RunWriter => {
        writtenHere.add(subject.run_id)
        const queue = writer.open(lease)
        let last: number = after
        const next = (event: RunEvent): LogRecord => ({
          ...subject,
          seq: Sequence.make(++last),
          event: event.event,
          data: encodeData(event)
        })

        const finish = Effect.fn("RunWriter.finish")(function* (last: ReadonlyArray<RunEvent>, end: RunEnd) {
          yield* queue.drained
          const records = last.map(next)
          const offered = performance.now()
          const since = yield* Clock.currentTimeMillis
          for (;;) {
            const result = yield* Effect.result(runs.finish(lease, records, end))
            if (Result.isSuccess(result)) {
              if (!result.success) return yield* new LeaseLost({ run_id: lease.run_id })
              measureStored(
                context,
                records.map(() => offered)
              )
              yield* countEnded(end.status)
              return yield* publish(lease.run_id, records.map(makeFrame))
            }
            const waited = (yield* Clock.currentTimeMillis) - since
            if (result.failure._tag === "DbRefused" || waited >= settings.appendTimeout) {
              return yield* result.failure
            }
            yield* Effect.sleep(retryPause)
          }
        })

        return {
          append: (event) => Effect.suspend(() => queue.offer(next(event))),
          finish,
          show: (unsaved) =>
            Effect.sync(() =>
              broadcast.publish(
                lease.run_id,
                unsaved.map((event) =>
                  makeFrame({ run_id: lease.run_id, seq: null, event: event.event, data: encodeData(event) })
                )
              )
            ),
          failed: queue.failed
        }
      }

      const close = (run: RunId) =>
        Effect.sync(() => {
          writtenHere.delete(run)
          broadcast.wake(run)
        })

      /** Stored frames after a number. A reader cannot be told of a failure, so it waits until the database is back. */
      const stored = (subject: LogSubject, after: Sequence): Effect.Effect<ReadonlyArray<Frame>> =>
        events.read(subject.tenant_id, subject.session_id, { after, limit: pageRows, run: subject.run_id }).pipe(
          Effect.map((records) => records.map(makeFrame)),
          Effect.catch(() => Effect.andThen(Effect.sleep(retryPause), stored(subject, after)))
        )

      const isOver = (subject: LogSubject): Effect.Effect<boolean> =>
        runs.find(subject.tenant_id, subject.run_id).pipe(
          Effect.map(Option.match({ onNone: () => true, onSome: ({ ended_at }) => ended_at !== null })),
          Effect.catch(() => Effect.succeed(false))
        )

      const pull = (subject: LogSubject, after: Sequence, subscription: Subscription) => {
        let cursor: number = after
        let over = false
        let kept: ReadonlyArray<Frame> = []

        const emit = (frames: NonEmptyReadonlyArray<Frame>) => {
          for (const frame of frames) {
            if (frame.seq !== null) cursor = frame.seq
            if (frame.event === "done") over = true
          }
          return Effect.succeed(frames)
        }
        const isNonEmpty = (frames: ReadonlyArray<Frame>): frames is NonEmptyReadonlyArray<Frame> => frames.length > 0

        const next: Effect.Effect<NonEmptyReadonlyArray<Frame>, Cause.Done> = Effect.gen(function* () {
          if (over) return yield* Cause.done()
          const { frames, whole } = subscription.take()
          kept = [...kept, ...frames].filter(({ seq }) => seq === null || seq > cursor)
          const [first] = kept
          if (whole && isNonEmpty(kept) && (first?.seq === null || first?.seq === cursor + 1)) {
            const live = kept
            kept = []
            return yield* emit(live)
          }
          const found = yield* stored(subject, Sequence.make(cursor))
          if (isNonEmpty(found)) return yield* emit(found)
          // The database may hold less than was shown: frames without a number stand nowhere else.
          const unsaved = kept.filter(({ seq }) => seq === null)
          kept = []
          if (isNonEmpty(unsaved)) return yield* emit(unsaved)
          const here = writtenHere.has(subject.run_id)
          if (!here && (yield* isOver(subject))) {
            const rest = yield* stored(subject, Sequence.make(cursor))
            return yield* isNonEmpty(rest) ? emit(rest) : Cause.done()
          }
          yield* Effect.timeoutOption(subscription.wait, here ? localPoll : remotePoll)
          return yield* next
        })
        return next
      }

      const follow = (subject: LogSubject, after: Sequence) =>
        Stream.fromPull(Effect.map(broadcast.subscribe(subject.run_id), (reader) => pull(subject, after, reader))).pipe(
          Stream.scoped
        )

      return RunLog.of({ open, close, follow, readers: broadcast.readers })
    })
  )
}
