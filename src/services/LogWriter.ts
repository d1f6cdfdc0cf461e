import { Cause, Deferred, Effect, Exit, Latch, Option, type Scope } from "effect"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import { type DatabaseFailure, DbRefused } from "../domain/errors/StorageErrors.ts"
import type { InstanceId, Lease, RunId } from "../domain/Run.ts"
import type { LogBatch, NewRecord } from "../storage/RunEventRepository.ts"
import { type Frame, makeFrame } from "./Frame.ts"
import { measureStored, registerLogMetrics } from "./LogMetrics.ts"

/** Why the log takes nothing more of a run. */
export type CommitFailure = LeaseLost | DatabaseFailure

/** What the writer needs of its surroundings. Times are milliseconds. */
export interface LogWriterOptions {
  readonly owner: InstanceId
  readonly appendTimeout: number
  /** Most bytes of one run that may wait. */
  readonly bufferBytes: number
  readonly append: (
    owner: InstanceId,
    batches: ReadonlyArray<LogBatch>
  ) => Effect.Effect<ReadonlyArray<RunId>, DatabaseFailure>
  /** Called with what has been stored, in order. */
  readonly committed: (lease: Lease, frames: ReadonlyArray<Frame>) => Effect.Effect<void>
}

/** The part of the log that belongs to one run. */
export interface WriterQueue {
  /** Takes a record; waits only while too much of this run is not yet stored. */
  readonly offer: (record: NewRecord) => Effect.Effect<void, CommitFailure>
  /** Waits until everything offered is stored. */
  readonly drained: Effect.Effect<void, CommitFailure>
  /** Never succeeds; fails when the run can no longer be written. */
  readonly failed: Effect.Effect<never, CommitFailure>
}

/** Stores the records of all runs of an instance. */
export interface LogWriter {
  readonly open: (lease: Lease) => WriterQueue
}

/** Most records that one statement takes of one run, so that none is kept waiting behind another. */
const batchRecords = 1000

/** Pause before a failed statement is repeated. */
const retryPause = 200

interface Pending {
  readonly frame: Frame
  readonly record: NewRecord
  /** When it was offered, by `performance.now()`. */
  readonly offered: number
  /** Since when it waits to be stored, likewise: there was room for it. */
  readonly since: number
}

class Queue {
  readonly lease: Lease
  readonly failure = Deferred.makeUnsafe<never, CommitFailure>()
  /** Opened whenever some of what waited has been stored, or the queue has failed. */
  readonly progress = Latch.makeUnsafe(false)
  pending: Array<Pending> = []
  bytes = 0

  constructor(lease: Lease) {
    this.lease = lease
  }

  get over() {
    return Deferred.isDoneUnsafe(this.failure)
  }

  fail(failure: CommitFailure) {
    this.pending = []
    this.bytes = 0
    Deferred.doneUnsafe(this.failure, Effect.fail(failure))
    this.progress.openUnsafe()
  }

  stored(count: number): ReadonlyArray<Frame> {
    const frames = this.pending.splice(0, count).map(({ frame }) => frame)
    for (const frame of frames) this.bytes -= frame.bytes.length
    this.progress.openUnsafe()
    return frames
  }
}

/**
 * One fiber takes whatever waits, of all runs, and stores it as one statement: the more
 * there is to do, the less each event costs. Events wait while the database is away,
 * for `appendTimeout`; then their runs fail.
 */
export const makeLogWriter = Effect.fnUntraced(function* (
  options: LogWriterOptions
): Effect.fn.Return<LogWriter, never, Scope.Scope> {
  const work = Latch.makeUnsafe(false)
  const waiting = new Set<Queue>()
  const context = yield* Effect.context<never>()
  yield* registerLogMetrics

  const store = Effect.fnUntraced(function* (queues: ReadonlyArray<Queue>): Effect.fn.Return<boolean> {
    const taken = queues.map((queue) => ({ queue, pending: queue.pending.slice(0, batchRecords) }))
    const result = yield* Effect.exit(
      options.append(
        options.owner,
        taken.map(({ pending, queue }) => ({ lease: queue.lease, records: pending.map(({ record }) => record) }))
      )
    )
    if (Exit.isSuccess(result)) {
      const held = new Set(result.value)
      const stored = taken.filter(({ queue }) => held.has(queue.lease.run_id))
      measureStored(
        context,
        stored.flatMap(({ pending }) => pending.map(({ offered }) => offered))
      )
      for (const { pending, queue } of taken) {
        if (!held.has(queue.lease.run_id)) queue.fail(new LeaseLost({ run_id: queue.lease.run_id }))
        else yield* options.committed(queue.lease, queue.stored(pending.length))
      }
      return true
    }
    // A bug in a statement must cost its runs only, not the writer of all of them.
    const failure = Option.getOrElse(
      Cause.findErrorOption(result.cause),
      () => new DbRefused({ operation: "append events", cause: Cause.squash(result.cause) })
    )
    if (failure._tag === "DbRefused") {
      // One run's records may be at fault: the others must not suffer for it.
      if (queues.length > 1) for (const queue of queues) yield* store([queue])
      else for (const queue of queues) queue.fail(failure)
      return true
    }
    const now = performance.now()
    for (const { pending, queue } of taken) {
      const [oldest] = pending
      if (oldest !== undefined && now - oldest.since >= options.appendTimeout) queue.fail(failure)
    }
    return false
  })

  // A run that this instance lost and took again: in one statement the newer lease would vouch for the older's records.
  const dropSuperseded = () => {
    const newest = new Map<RunId, Queue>()
    for (const queue of waiting) {
      const fence = newest.get(queue.lease.run_id)?.lease.fence ?? -1
      if (queue.lease.fence > fence) newest.set(queue.lease.run_id, queue)
    }
    for (const queue of waiting) {
      if (newest.get(queue.lease.run_id) === queue) continue
      queue.fail(new LeaseLost({ run_id: queue.lease.run_id }))
      waiting.delete(queue)
    }
  }

  yield* Effect.gen(function* () {
    yield* work.await
    work.closeUnsafe()
    for (;;) {
      for (const queue of waiting) if (queue.pending.length === 0) waiting.delete(queue)
      if (waiting.size === 0) return
      dropSuperseded()
      const stored = yield* store([...waiting])
      if (!stored) yield* Effect.sleep(retryPause)
    }
  }).pipe(Effect.forever, Effect.forkScoped)

  return {
    open: (lease) => {
      const queue = new Queue(lease)
      const until = (done: () => boolean): Effect.Effect<void, CommitFailure> =>
        Effect.suspend(() => {
          if (queue.over) return Deferred.await(queue.failure)
          if (done()) return Effect.void
          queue.progress.closeUnsafe()
          return Effect.andThen(queue.progress.await, until(done))
        })
      const hasRoom = () => queue.bytes < options.bufferBytes
      const take = (record: NewRecord, offered: number) => {
        const frame = makeFrame(record)
        queue.pending.push({ frame, record, since: performance.now(), offered })
        queue.bytes += frame.bytes.length
        waiting.add(queue)
        work.openUnsafe()
      }
      return {
        offer: (record) =>
          Effect.suspend(() => {
            const offered = performance.now()
            const put = Effect.sync(() => take(record, offered))
            return hasRoom() && !queue.over ? put : Effect.andThen(until(hasRoom), put)
          }),
        drained: until(() => queue.pending.length === 0),
        failed: Deferred.await(queue.failure)
      }
    }
  }
})
