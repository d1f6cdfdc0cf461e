import { Cause, Clock, Deferred, Effect, Result } from "effect"
import type { AgentOutcome, AgentSpent } from "../domain/Agent.ts"
import type { Approval } from "../domain/Approval.ts"
import { RunInterrupted, RunLost } from "../domain/errors/AgentErrors.ts"
import { entryOf } from "../domain/errors/catalogue.ts"
import type { RunFailure } from "../domain/errors/RunFailure.ts"
import { LeaseLost, SessionCreateFailed } from "../domain/errors/SessionErrors.ts"
import type { DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"
import type { RunMemory } from "../domain/MemorySettings.ts"
import type { Run } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { RunEventRepository } from "../storage/RunEventRepository.ts"
import { RunQueueRepository } from "../storage/RunQueueRepository.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import type { Segment } from "./AgentTurns.ts"
import { reportDefect, reportFailure } from "./FailureReport.ts"
import type { CommitFailure } from "./LogWriter.ts"
import { MemoryJobs } from "./MemoryJobs.ts"
import { MemoryRecall } from "./MemoryRecall.ts"
import type { RunAssignment, WorkEnd } from "./RunAssignment.ts"
import { endingOf, type EndingRun, unsavedEnding, waitingEvents } from "./RunEnding.ts"
import { RunLog } from "./RunLog.ts"
import { countResumed } from "./RunMetrics.ts"
import { totalsOf, withSegment } from "./RunTotals.ts"
import { type WorkServices, workOn } from "./RunWork.ts"
import { Sessions } from "./Sessions.ts"

/** What a run can fail with before its agent has begun. */
export type BeginFailure = RunFailure | SessionCreateFailed | DbUnavailable | DbOperational

/** A run that stands in the database as running, and whose agent is to be started. */
export interface Execution extends Omit<RunAssignment, "earlier" | "writer" | "recall" | "promptIsLogged" | "onInit"> {
  readonly run: Run
  /** How the request wants memory to be used. */
  readonly memory: RunMemory
  readonly segment: Segment
  /** Whether its request has an Idempotency-Key. */
  readonly repeatable: boolean
  /** Run when the end is stored: the run takes nobody's place any more, although its stream may still be open. */
  readonly onEnd: Effect.Effect<void>
  /** Completed when the agent has said `init`, or with what went wrong before. */
  readonly begun: Deferred.Deferred<void, BeginFailure>
}

/** What an execution works with. */
export type ExecutionServices =
  WorkServices | MemoryRecall | MemoryJobs | Sessions | RunEventRepository | RunQueueRepository | RunRepository | RunLog

/** What readers are told first of a segment that is not the first. */
const resumedStatus = (answered: Approval | null): RunEvent => ({
  event: "status",
  data: {
    status: "resumed",
    message: answered === null ? "Another instance goes on with this run." : "The run goes on with an answer."
  }
})

/** Carries one run from its lease to its end state, and never fails: whatever happens is its end. */
export const executeRun = Effect.fn("RunExecution.executeRun")(function* (
  execution: Execution
): Effect.fn.Return<void, never, ExecutionServices> {
  const log = yield* RunLog
  const runs = yield* RunRepository
  const queue = yield* RunQueueRepository
  const events = yield* RunEventRepository
  const sessions = yield* Sessions
  const memory = yield* MemoryRecall
  const jobs = yield* MemoryJobs
  const { begun, fields, lease, run, segment, turn } = execution
  const started = yield* Clock.currentTimeMillis
  const subject = { tenant_id: turn.tenantId, session_id: lease.session_id, run_id: lease.run_id }
  const writer = log.open(subject, lease, run.last_seq)

  const earlier = totalsOf(run)

  const ending = Effect.map(Clock.currentTimeMillis, (now): EndingRun => ({
    session_id: lease.session_id,
    run_id: lease.run_id,
    request_id: fields.request_id ?? null,
    earlier,
    duration_ms: now - started
  }))

  /** Tells whoever waits for the run to begin that it will not. The line is written here, where the run is known. */
  const neverBegan = (failure: BeginFailure) =>
    Effect.andThen(
      reportFailure(failure, { ...fields, status: entryOf(failure._tag).status }),
      Deferred.fail(begun, failure)
    )

  const leaveUnsaved = Effect.fnUntraced(function* (reason: CommitFailure, outcome: AgentOutcome | null) {
    const hasBegun = yield* Deferred.isDone(begun)
    if (reason._tag === "LeaseLost") {
      // Whoever took the run over writes its end, and readers find it in the log.
      if (!hasBegun) yield* neverBegan(new RunLost({ run_id: lease.run_id, pending_tool_use_id: null }))
      return yield* reportFailure(reason, fields)
    }
    if (!hasBegun) {
      const refused = reason._tag === "DbRefused"
      return yield* neverBegan(refused ? new SessionCreateFailed({ session_id: lease.session_id }) : reason)
    }
    yield* reportFailure(reason, fields)
    const { events, failure } = unsavedEnding(yield* ending, outcome, reason)
    yield* writer.show(events)
    yield* reportFailure(failure, fields)
  })

  let recalled: ReadonlyArray<string> = []
  const lesson = Effect.suspend(() =>
    jobs.plan({
      subject,
      memory: execution.memory,
      withheld: [turn.options.system_prompt, turn.options.system_prompt_append, ...recalled].filter(
        (text) => text !== undefined
      )
    })
  )

  const conclude = Effect.fnUntraced(function* (outcome: AgentOutcome, transcript_complete: boolean) {
    const { end: ended, events, failure } = endingOf(yield* ending, outcome)
    const end = { ...ended, transcript_complete }
    yield* sessions.touch(turn.tenantId, lease.session_id)
    const job = outcome._tag === "Completed" ? yield* lesson : null
    const written = yield* Effect.result(
      job === null
        ? writer.finish(events, end)
        : writer.finish(
            events.filter(({ event }) => event !== "done"),
            end,
            job
          )
    )
    if (Result.isFailure(written)) return yield* leaveUnsaved(written.failure, outcome)
    yield* execution.onEnd
    if (job !== null) {
      yield* jobs.begin({
        ...job,
        ...subject,
        attempts: 1
      })
    }
    if (yield* Deferred.isDone(begun)) return failure === null ? undefined : yield* reportFailure(failure, fields)
    // What went wrong before `init` is the answer to the request, and the same request may be tried again.
    if (execution.repeatable) {
      yield* runs.releaseKey(turn.tenantId, lease.run_id).pipe(Effect.catch((cause) => reportFailure(cause, fields)))
    }
    yield* neverBegan(failure ?? new RunInterrupted({ run_id: lease.run_id }))
  })

  const recall = memory
    .recall({
      tenant: turn.tenantId,
      session: lease.session_id,
      prompt: turn.prompt,
      memory: execution.memory,
      fields
    })
    .pipe(Effect.tap(({ memories }) => Effect.sync(() => (recalled = memories))))

  const totalsWith = (spent: AgentSpent) =>
    Effect.map(Clock.currentTimeMillis, (now) => withSegment(earlier, spent, now - started))

  /** Gives the run back to the queue, where another instance finds it. */
  const letGo = Effect.fnUntraced(
    function* (spent: AgentSpent) {
      yield* writer.drained
      yield* sessions.touch(turn.tenantId, lease.session_id)
      // What it asked the model last may have cost something, too.
      const totals = { ...(yield* totalsWith(spent)), cost_unknown: true }
      if (!(yield* queue.release(lease, totals))) return yield* new LeaseLost({ run_id: lease.run_id })
      yield* Effect.logInfo("A run was left to another instance").pipe(
        Effect.annotateLogs({ run_id: lease.run_id, session_id: lease.session_id })
      )
      // If it cannot be given back, its lease runs out, and it is found all the same.
    },
    Effect.catch((failure) => reportFailure(failure, fields))
  )

  /** Lets the run wait, and its readers go. Without its agent it has no owner; whoever sees the answer goes on with it. */
  const standAside = Effect.fnUntraced(
    function* (spent: AgentSpent) {
      yield* sessions.touch(turn.tenantId, lease.session_id)
      yield* writer.wait(waitingEvents(lease), yield* totalsWith(spent))
      // If that cannot be written, its lease runs out, and it is found all the same.
    },
    Effect.catch((failure) => reportFailure(failure, fields))
  )

  const finish = (end: WorkEnd) => {
    switch (end._tag) {
      case "Ended":
        return conclude(end.outcome, end.transcriptComplete)
      case "LetGo":
        return letGo(end.spent)
      case "Waiting":
        return standAside(end.spent)
      case "Unwritable":
        return leaveUnsaved(end.reason, end.outcome)
    }
  }

  /** Tells readers that a new segment begins; answers whether they have seen the prompt. */
  const announce = Effect.gen(function* () {
    if (segment === "first") return false
    yield* countResumed
    yield* Effect.ignore(writer.append(resumedStatus(execution.answered)))
    const message = { after: run.start_seq, limit: 1, run: run.id, events: ["message"] as const }
    return (yield* events.read(turn.tenantId, run.session_id, message)).length > 0
  }).pipe(Effect.catch(() => Effect.succeed(true)))

  const work = Effect.flatMap(announce, (promptIsLogged) =>
    workOn({ ...execution, earlier, writer, recall, promptIsLogged, onInit: Deferred.succeed(begun, undefined) })
  )

  yield* Effect.scoped(work).pipe(
    Effect.flatMap(finish),
    Effect.catchDefect((defect) =>
      Effect.andThen(reportDefect(Cause.die(defect), fields), Deferred.die(begun, defect))
    ),
    Effect.ensuring(Effect.andThen(log.close(subject), Deferred.interrupt(begun)))
  )
})
