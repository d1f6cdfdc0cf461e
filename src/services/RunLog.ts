import { Clock, Context, Effect, Layer, Result, Stream } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type Lease, type RunId, type RunTotals, Sequence } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { NewApproval } from "../storage/ApprovalRepository.ts"
import { type LogRecord, RunEventRepository } from "../storage/RunEventRepository.ts"
import type { NewMemoryJob } from "../storage/MemoryJobRepository.ts"
import type { RunEnd } from "../storage/RunEnd.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { makeBroadcast } from "./Broadcast.ts"
import { encodeData, type Frame, makeFrame } from "./Frame.ts"
import { measureStored } from "./LogMetrics.ts"
import { makeLogReading, type ReadSubject } from "./LogReading.ts"
import { type CommitFailure, makeLogWriter } from "./LogWriter.ts"
import { makeReaderCounts, type ReaderCounts } from "./ReaderCounts.ts"
import { countEnded } from "./RunMetrics.ts"

/** Which run's events are written or read. */
export interface LogSubject {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId
}

/** Writes the events of one run that this instance holds. */
export interface RunWriter {
  /**
   * Gives the event its number and hands it to the log; waits only while too much is not yet stored. With it is stored
   * what the agent asks, if the event says that.
   */
  readonly append: (event: RunEvent, approval?: NewApproval) => Effect.Effect<void, CommitFailure>
  /** Waits until all that was appended is stored. */
  readonly drained: Effect.Effect<void, CommitFailure>
  /**
   * Stores the last events and the end states together, after all that was appended before. With a job, `done` is not
   * among them: its number is set aside, and the job writes it.
   */
  readonly finish: (
    events: ReadonlyArray<RunEvent>,
    end: RunEnd,
    job?: Omit<NewMemoryJob, "done_seq">
  ) => Effect.Effect<void, CommitFailure>
  /** The same for a run that is let go until what its agent asks is answered. */
  readonly wait: (events: ReadonlyArray<RunEvent>, totals: RunTotals) => Effect.Effect<void, CommitFailure>
  /** Shows events that could not be stored to the readers of this instance. */
  readonly show: (events: ReadonlyArray<RunEvent>) => Effect.Effect<void>
  /** Never succeeds; fails as soon as the log can take no more of this run. */
  readonly failed: Effect.Effect<never, CommitFailure>
}

/** Pause before something that the database did not take is tried again. */
const retryPause = 200

const bellPrefix = "session:"

/** The log of all runs: each event is numbered, stored, and only then shown to readers. */
export class RunLog extends Context.Service<
  RunLog,
  {
    /** Takes up writing under a lease, from the number that the session has reached. */
    open(subject: LogSubject, lease: Lease, after: Sequence): RunWriter
    /** Shows readers events of a run that were stored by other means than its writer. */
    announce(subject: LogSubject, records: ReadonlyArray<LogRecord>): Effect.Effect<void>
    /** Ends writing here; readers that are still there find the rest in the database. */
    close(subject: LogSubject): Effect.Effect<void>
    /**
     * The frames after a number: those that are stored, then the others as they are stored. A run's
     * end after `done`, a session's when none of its runs is live. While the database is away it waits.
     */
    follow(subject: ReadSubject, after: Sequence): Stream.Stream<Frame>
    /** Sends readers of what is not written here elsewhere: each is told where to go on, and its stream ends. */
    readonly release: Effect.Effect<void>
    /** How many readers a run has on this instance, those of its session included. */
    readers(session: SessionId, run: RunId): number
    /** What has readers on this instance. */
    read(): ReturnType<ReaderCounts["subjects"]>
    /** Has readers of a session look at the database, on every instance. */
    wake(session: SessionId): Effect.Effect<void>
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
      const counts = makeReaderCounts()
      const writtenHere = new Map<string, RunId>()
      const context = yield* Effect.context<never>()

      const isHere = ({ run_id, session_id }: ReadSubject) =>
        run_id === null ? writtenHere.has(session_id) : writtenHere.get(session_id) === run_id

      const publish = (session_id: SessionId, frames: ReadonlyArray<Frame>) =>
        Effect.suspend(() => {
          broadcast.publish(session_id, frames)
          return doorbell.ring(bellPrefix + session_id)
        })

      const writer = yield* makeLogWriter({
        owner: settings.instanceId,
        appendTimeout: settings.appendTimeout,
        bufferBytes: settings.appendBufferBytes,
        append: events.append,
        committed: ({ session_id }, frames) => publish(session_id, frames)
      })

      // What is written here reaches its readers directly: their own ring would only send them to the database.
      yield* doorbell.rings.pipe(
        Stream.runForEach((name) =>
          Effect.sync(() => {
            if (name === "") return broadcast.wakeAll()
            const session = name.slice(bellPrefix.length)
            if (name.startsWith(bellPrefix) && !writtenHere.has(session)) broadcast.wake(session)
          })
        ),
        Effect.forkScoped
      )

      const open = (subject: LogSubject, lease: Lease, after: Sequence): RunWriter => {
        writtenHere.set(subject.session_id, subject.run_id)
        const queue = writer.open(lease)
        let last: number = after
        const next = (event: RunEvent): LogRecord => ({
          ...subject,
          seq: Sequence.make(++last, { disableChecks: true }),
          event: event.event,
          data: encodeData(event)
        })

        /** Stores the last records and lets go of the run; what the database does not take is tried again for a while. */
        const conclude = Effect.fnUntraced(function* (
          records: ReadonlyArray<LogRecord>,
          store: Effect.Effect<boolean, DatabaseFailure>
        ) {
          const offered = performance.now()
          const since = yield* Clock.currentTimeMillis
          for (;;) {
            const result = yield* Effect.result(store)
            if (Result.isSuccess(result)) {
              if (!result.success) return yield* new LeaseLost({ run_id: lease.run_id })
              measureStored(
                context,
                records.map(() => offered)
              )
              return yield* publish(lease.session_id, records.map(makeFrame))
            }
            const waited = (yield* Clock.currentTimeMillis) - since
            if (result.failure._tag === "DbRefused" || waited >= settings.appendTimeout) {
              return yield* result.failure
            }
            yield* Effect.sleep(retryPause)
          }
        })

        const finish = Effect.fn("RunWriter.finish")(function* (
          events: ReadonlyArray<RunEvent>,
          end: RunEnd,
          job?: Omit<NewMemoryJob, "done_seq">
        ) {
          yield* queue.drained
          const records = events.map(next)
          const withJob = job === undefined ? undefined : { ...job, done_seq: Sequence.make(++last) }
          yield* conclude(records, runs.finish(lease, records, end, withJob))
          yield* countEnded(end.status)
        })

        const wait = Effect.fn("RunWriter.wait")(function* (events: ReadonlyArray<RunEvent>, totals: RunTotals) {
          yield* queue.drained
          const records = events.map(next)
          yield* conclude(records, runs.wait(lease, records, totals))
        })

        return {
          append: (event, approval) =>
            Effect.suspend(() => queue.offer(approval === undefined ? next(event) : { ...next(event), approval })),
          finish,
          wait,
          show: (unsaved) =>
            Effect.sync(() =>
              broadcast.publish(
                lease.session_id,
                unsaved.map((event) =>
                  makeFrame({ run_id: lease.run_id, seq: null, event: event.event, data: encodeData(event) })
                )
              )
            ),
          drained: queue.drained,
          failed: queue.failed
        }
      }

      const announce = ({ session_id }: LogSubject, records: ReadonlyArray<LogRecord>) =>
        records.length === 0 ? Effect.void : publish(session_id, records.map(makeFrame))

      const close = ({ run_id, session_id }: LogSubject) =>
        Effect.sync(() => {
          // The session's next run may have been opened since.
          if (writtenHere.get(session_id) === run_id) writtenHere.delete(session_id)
          broadcast.wake(session_id)
        })

      let stopping = false
      const follow = yield* makeLogReading({ broadcast, isHere, isStopping: () => stopping })

      const release = Effect.sync(() => {
        stopping = true
        broadcast.wakeAll()
      })

      return RunLog.of({
        open,
        announce,
        close,
        follow: (subject, after) => Stream.unwrap(Effect.as(counts.add(subject), follow(subject, after))),
        release,
        readers: counts.of,
        read: counts.subjects,
        wake: (session) =>
          Effect.andThen(
            Effect.sync(() => broadcast.wake(session)),
            doorbell.ring(bellPrefix + session)
          )
      })
    })
  )
}
