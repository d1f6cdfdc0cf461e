import { Cause, Clock, Context, Deferred, Effect, Exit, FiberSet, Layer, Option, Result, Schema } from "effect"
import { MemoryExtractFailed } from "../domain/errors/MemoryErrors.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import type { RunMemory } from "../domain/MemorySettings.ts"
import { Sequence } from "../domain/Run.ts"
import { type DoneMemory, MessageData } from "../domain/RunEvent.ts"
import { Settings } from "../domain/Settings.ts"
import {
  type LastEvents,
  type MemoryJob,
  MemoryJobRepository,
  type NewMemoryJob,
  type Spent
} from "../storage/MemoryJobRepository.ts"
import { RunEventRepository } from "../storage/RunEventRepository.ts"
import { reportDefect, reportFailure } from "./FailureReport.ts"
import { encodeData } from "./Frame.ts"
import { MemoryLearning } from "./MemoryLearning.ts"
import { countExtractionError } from "./MemoryMetrics.ts"
import { MemoryPreferences } from "./MemoryPreferences.ts"
import type { Said } from "./MemoryPlan.ts"
import { type LogSubject, RunLog } from "./RunLog.ts"
import { Sessions } from "./Sessions.ts"

/** How long a job is held before it must be renewed, in milliseconds: a dead holder's is taken up after that. */
export const jobLease = 10_000

/** How often a job that is being worked on is renewed. */
const renewEvery = 3000

/** How long the `done` of a run waits for what is learned from it. */
const longestHold = 2000

/** When a `done` that nobody wrote is written by somebody else. */
const overdueAfter = 5000

/** How long it may take to learn what the tenant wants, in milliseconds. */
const settingsLimit = 500

/** How often it is looked for jobs, in milliseconds; without a model only streams are to be ended. */
const lookEvery = 1000
const lookSeldomEvery = 10_000

/** Jobs that one instance works on at once, beside those of runs that just ended here. */
const mostAtOnce = 2

const shortestPause = 5000
const longestPause = 3_600_000

/** After so many attempts, about two days, a job is left alone. */
const mostAttempts = 60

/** Messages that are read of one run. */
const mostMessages = 2000

const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(MessageData))

const saidIn = (data: string): ReadonlyArray<Said> =>
  Option.toArray(decodeMessage(data)).flatMap(({ content, parent_tool_use_id, type }): ReadonlyArray<Said> => {
    // What tools gave back comes as the user's message too; it is not what anybody said.
    if (type === "system" || parent_tool_use_id !== null) return []
    const text = content
      .flatMap((block) => (block.type === "text" && typeof block["text"] === "string" ? [block["text"]] : []))
      .join("\n")
    return text === "" ? [] : [{ role: type, text }]
  })

/** A run that ends and from which something may be learned. */
export interface EndedRun {
  readonly subject: LogSubject
  readonly memory: RunMemory
  /** Texts that are no news: what was recalled, and the system prompt. */
  readonly withheld: ReadonlyArray<string>
}

const doneOf = ({ run_id, session_id }: Pick<LogSubject, "run_id" | "session_id">, memory: DoneMemory): string =>
  encodeData({ event: "done", data: { session_id, run_id, reason: "completed", memory } })

/** Learns from runs that have ended: right away where they ended, and later, anywhere, what failed or was left behind. */
export class MemoryJobs extends Context.Service<
  MemoryJobs,
  {
    /** The job of a run that ends now; null where nothing is to be learned from it. */
    plan(run: EndedRun): Effect.Effect<Omit<NewMemoryJob, "done_seq"> | null>
    /** Learns from a run whose job was just written, and has its `done` wait for it, but not for long. */
    begin(job: MemoryJob): Effect.Effect<void>
  }
>()("causeway/services/MemoryJobs") {
  static readonly layer = Layer.effect(
    MemoryJobs,
    Effect.gen(function* () {
      const { instanceId } = yield* Settings
      const repository = yield* MemoryJobRepository
      const events = yield* RunEventRepository
      const learning = yield* MemoryLearning
      const preferences = yield* MemoryPreferences
      const sessions = yield* Sessions
      const log = yield* RunLog
      const working = yield* FiberSet.make<void>()

      const lastOf = (job: MemoryJob, memory: Exclude<DoneMemory, "pending">): LastEvents => ({
        done: doneOf(job, memory),
        error:
          memory === "failed"
            ? encodeData({
                event: "error",
                data: { ...toErrorObject(new MemoryExtractFailed({}), null), fatal: false }
              })
            : null
      })

      const pauseAfter = (attempts: number): number | null =>
        attempts >= mostAttempts ? null : Math.min(longestPause, shortestPause * 2 ** (attempts - 1))

      const conversationOf = ({ run_id, session_id, tenant_id }: MemoryJob) =>
        Effect.map(
          events.read(tenant_id, session_id, {
            after: Sequence.make(0),
            limit: mostMessages,
            run: run_id,
            events: ["message"]
          }),
          (records) => records.flatMap(({ data }) => saidIn(data))
        )

      /** Ends the stream of a job's run as it is. What fails is done again by whoever looks for what is overdue. */
      const conclude = (job: MemoryJob) =>
        repository.conclude(job).pipe(
          Effect.flatMap((records) => log.announce(job, records)),
          Effect.catch((failure) => Effect.logDebug("A run's done cannot be written yet", failure))
        )

      const attempt = Effect.fn("MemoryJobs.attempt")(function* (job: MemoryJob) {
        let spent: Spent = null
        const { run_id, session_id, tenant_id } = job
        const timestamp = new Date(yield* Clock.currentTimeMillis).toISOString()
        const studied = yield* Effect.result(
          Effect.flatMap(conversationOf(job), (conversation) =>
            learning.study(
              {
                tenant: tenant_id,
                scope: job.scope,
                conversation,
                withheld: job.withheld,
                metadata: { source: "run", session_id, run_id, timestamp }
              },
              (cost) => (spent = cost)
            )
          )
        )
        if (spent !== null) yield* sessions.touch(tenant_id, session_id)
        const saved = Result.isFailure(studied)
          ? Result.fail(studied.failure)
          : yield* Effect.result(
              repository.save(
                job,
                studied.success,
                { kind: "run", id: run_id },
                spent,
                lastOf(job, studied.success.length > 0 ? "saved" : "none")
              )
            )
        if (Result.isSuccess(saved)) return yield* log.announce(job, saved.success.records)
        const failure = new MemoryExtractFailed({ cause: saved.failure })
        yield* reportFailure(failure, { run_id, session_id, tenant_id }).pipe(
          Effect.annotateLogs("reason", "reason" in saved.failure ? saved.failure.reason : saved.failure._tag)
        )
        yield* countExtractionError
        const pause = pauseAfter(job.attempts)
        if (pause === null) yield* Effect.logError("It is given up to learn from a run", saved.failure)
        yield* repository.postpone(job, pause, spent, lastOf(job, "failed")).pipe(
          Effect.flatMap(({ records }) => log.announce(job, records)),
          // Its lease runs out, and it is taken up again.
          Effect.catch((cause) => Effect.logDebug("A memory job cannot be given back", cause))
        )
      })

      const work = (job: MemoryJob) => {
        const renewing = repository.renew(job, jobLease).pipe(Effect.ignore, Effect.delay(renewEvery), Effect.forever)
        return Effect.raceFirst(attempt(job), renewing).pipe(
          // A bug in one lesson must not end silently; the job is taken up again.
          Effect.catchDefect((defect) =>
            reportDefect(Cause.die(defect), {
              run_id: job.run_id,
              session_id: job.session_id,
              tenant_id: job.tenant_id
            })
          ),
          Effect.annotateLogs({ run_id: job.run_id, session_id: job.session_id })
        )
      }

      const look = Effect.gen(function* () {
        yield* Effect.forEach(yield* repository.overdue(overdueAfter), conclude, { discard: true })
        const free = mostAtOnce - (yield* FiberSet.size(working))
        if (!learning.configured || free <= 0) return
        const jobs = yield* repository.claim(instanceId, jobLease, free)
        for (const job of jobs) yield* FiberSet.run(working, work(job))
      }).pipe(Effect.catch((failure) => Effect.logDebug("Memory jobs cannot be looked for", failure)))

      const every = learning.configured ? lookEvery : lookSeldomEvery
      yield* look.pipe(Effect.delay(every), Effect.forever, Effect.forkScoped)

      const plan = Effect.fn("MemoryJobs.plan")(function* ({ memory, subject, withheld }: EndedRun) {
        const { extract, recall: _recall, ...scope } = memory
        if (!learning.configured || extract === false) return null
        const wanted =
          extract ??
          (yield* preferences.of(subject.tenant_id, settingsLimit).pipe(
            Effect.map((settings) => settings.extract),
            // What the tenant wants cannot be learned now: then what was said is kept, as it is where nothing is set.
            Effect.orElseSucceed(() => true)
          ))
        if (!wanted) return null
        return { scope, withheld, owner: instanceId, lease_ms: jobLease, pending_done: doneOf(subject, "pending") }
      })

      return MemoryJobs.of({
        plan,
        begin: Effect.fn("MemoryJobs.begin")(function* (job) {
          const over = yield* Deferred.make<void>()
          yield* FiberSet.run(working, Effect.ensuring(work(job), Deferred.done(over, Exit.void)))
          const inTime = yield* Effect.timeoutOption(Deferred.await(over), longestHold)
          if (Option.isNone(inTime)) yield* conclude(job)
        })
      })
    })
  )
}
