import { Context, Deferred, Effect, Exit, FiberSet, Layer, Option, Scope, Stream } from "effect"
import { AgentRuntime } from "../agent/AgentRuntime.ts"
import { Workspaces } from "../agent/Workspaces.ts"
import { Cache } from "../cache/Cache.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { AgentNotExecutable, SdkMissing } from "../domain/errors/AgentErrors.ts"
import { ModelCredentialsMissing } from "../domain/errors/ModelErrors.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import {
  RunNotFound,
  type RunUnresponsive,
  SessionIdle,
  SessionNotFound,
  SessionRetrievalFailed
} from "../domain/errors/SessionErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import { type Run, type RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { RetentionRepository } from "../storage/RetentionRepository.ts"
import { SessionRepository } from "../storage/SessionRepository.ts"
import { Admission } from "./Admission.ts"
import { makeAgentTurns, type OrderedRun } from "./AgentTurns.ts"
import { type Answer, collectAnswer } from "./Answers.ts"
import { Equipment } from "./Equipment.ts"
import type { FailureFields } from "./FailureReport.ts"
import type { Frame } from "./Frame.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { type ChangeRun, makeRunChanges } from "./RunChanges.ts"
import { RunControls } from "./RunControls.ts"
import { type BeginFailure, type ExecutionServices, executeRun } from "./RunExecution.ts"
import { RunLog } from "./RunLog.ts"
import type { FollowedRun, FollowedSession, RunRequest, StartFailure } from "./RunRequest.ts"
import { resyncFrame } from "./Resync.ts"
import { makeRunWrite, previewLength } from "./RunWrite.ts"
import { Sessions } from "./Sessions.ts"

/** How long interrupted runs have to write their ends when the service stops, in milliseconds. */
const stopPatience = 10_000

/** Runs: started, followed, read and interrupted. */
export class Runs extends Context.Service<
  Runs,
  {
    /**
     * Starts a run and answers when its agent has said `init`. What goes wrong before that
     * fails here; what goes wrong after it is in the frames. The run belongs to the service:
     * it goes on while the caller is gone, for DISCONNECT_GRACE or to its end.
     */
    start(principal: Principal, request: RunRequest): Effect.Effect<FollowedRun, StartFailure>
    /** Starts a run and answers when it is stored. What goes wrong after that is in the run and in its frames. */
    submit(principal: Principal, request: RunRequest): Effect.Effect<Run, StartFailure>
    /** Starts a run and waits for its end. A run that did not complete is its failure. */
    answer(principal: Principal, request: RunRequest): Effect.Effect<Answer, StartFailure>
    get(principal: Principal, id: RunId): Effect.Effect<Run, RunNotFound | ReadFailure>
    /** A run's frames after a sequence number; null when it is over and there are none. */
    follow(
      principal: Principal,
      id: RunId,
      after: Sequence | null
    ): Effect.Effect<FollowedRun | null, RunNotFound | ReadFailure>
    /**
     * A session's frames after a sequence number, over all its runs; null when none of them is live and there are
     * none. A number that the session has not reached is a cursor of something else.
     */
    followSession(
      principal: Principal,
      id: SessionId,
      after: Sequence | null
    ): Effect.Effect<FollowedSession | null, SessionNotFound | ValidationFailed | ReadFailure>
    /** Interrupts a session's live run, wherever it is; answers when its owner has taken it. */
    interrupt(
      principal: Principal,
      id: SessionId
    ): Effect.Effect<RunId, SessionNotFound | SessionIdle | RunUnresponsive | ReadFailure>
    /** Changes the run of a session whose agent is at work, wherever it is; answers when the agent has changed. */
    readonly change: ChangeRun
    /**
     * Takes no new runs, sends readers of other instances' runs away, and lets those that go on here finish for
     * SHUTDOWN_GRACE or until `hurry` is done; then interrupts them.
     */
    drain(hurry: Effect.Effect<void>): Effect.Effect<void>
  }
>()("causeway/services/Runs") {
  static readonly layer = Layer.effect(
    Runs,
    Effect.gen(function* () {
      const settings = yield* Settings
      const repository = yield* RunRepository
      const sessionRows = yield* SessionRepository
      const retention = yield* RetentionRepository
      const sessions = yield* Sessions
      const admission = yield* Admission
      const cache = yield* Cache
      const workspaces = yield* Workspaces
      const equipments = yield* Equipment
      const runtime = yield* AgentRuntime
      const controls = yield* RunControls
      const log = yield* RunLog
      const write = yield* makeRunWrite
      const turnOf = yield* makeAgentTurns
      const services = yield* Effect.context<ExecutionServices>()
      const executions = yield* FiberSet.make<void>()
      const stopping = yield* Deferred.make<void>()

      const follow = (principal: Principal, run: Run, after: Sequence): FollowedRun => ({
        run,
        after,
        frames: log.follow({ tenant_id: principal.tenant_id, session_id: run.session_id, run_id: run.id }, after)
      })

      /** What a reader is told first whose range is not whole any more. A beginner needs no deltas. */
      const resync = Effect.fnUntraced(function* (
        principal: Principal,
        session: SessionId,
        run: RunId | null,
        { after, last, start }: { readonly after: Sequence; readonly last: Sequence; readonly start: number }
      ) {
        const removal = yield* asRead(retention.removedAfter(principal.tenant_id, session, run, after))
        return Option.match(
          Option.filter(removal, ({ whole }) => whole || after > start),
          {
            onNone: (): Stream.Stream<Frame> => Stream.empty,
            onSome: (found) => Stream.make(resyncFrame(run, found, last))
          }
        )
      })

      /** Hands a run that is written down to a fiber of the service's own. */
      const launch = Effect.fnUntraced(function* (
        principal: Principal,
        background: boolean,
        ordered: OrderedRun & { readonly run: Run },
        place: Scope.Closeable
      ) {
        const begun = yield* Deferred.make<void, BeginFailure>()
        const { order, lease, run } = ordered
        if (background) yield* Deferred.succeed(begun, undefined)
        const requestContext = yield* CurrentRequest
        const fields: FailureFields = {
          session_id: run.session_id,
          run_id: run.id,
          tenant_id: principal.tenant_id,
          api_key_hash: principal.api_key_hash,
          ...(requestContext === null ? {} : { request_id: requestContext.requestId }),
          ...(settings.logPrompts ? { prompt_preview: order.prompt.slice(0, previewLength) } : {})
        }
        yield* executeRun({
          lease,
          run,
          turn: turnOf(ordered),
          hooks: order.options.hooks ?? {},
          memory: order.options.memory ?? {},
          fields,
          begun,
          stopping: Deferred.await(stopping),
          outlivesReaders: order.on_disconnect === "continue",
          repeatable: order.repeatable,
          onEnd: Scope.close(place, Exit.void)
        }).pipe(
          Effect.provideContext(services),
          Effect.ensuring(Scope.close(place, Exit.void)),
          Effect.annotateLogs({ run_id: run.id, session_id: run.session_id }),
          FiberSet.run(executions)
        )
        return { run, begun: Deferred.await(begun) }
      })

      const begin = Effect.fn("Runs.begin")(function* (principal: Principal, asked: RunRequest) {
        yield* admission.check(principal, asked.prompt, asked.options)
        const equipped = yield* equipments.assemble(principal, asked)
        const { request } = equipped
        const directories = yield* workspaces.additional(
          principal.tenant_id,
          request.options.additional_directories ?? []
        )
        const { credentials, sdk } = yield* runtime.readiness
        if (sdk === "missing") return yield* new SdkMissing({})
        if (sdk === "not executable") return yield* new AgentNotExecutable({})
        if (credentials === "missing") return yield* new ModelCredentialsMissing({})
        // A shared cache that is away means that other instances cannot be told: then nothing is begun.
        if (cache.shared) yield* cache.ping
        const place = yield* Scope.make()
        // A client that leaves in between must not leave a run behind that nobody carries.
        return yield* Effect.uninterruptible(
          Effect.gen(function* () {
            yield* Scope.provide(admission.enter(principal.tenant_id), place)
            const written = yield* write(principal, equipped, directories)
            if (written._tag === "Started") return yield* launch(principal, request.background, written, place)
            yield* Scope.close(place, Exit.void)
            return { run: written.run, begun: Effect.void }
          }).pipe(Effect.onError((cause) => Scope.close(place, Exit.failCause(cause))))
        )
      })

      const start = Effect.fn("Runs.start")(function* (principal: Principal, request: RunRequest) {
        const { begun, run } = yield* begin(principal, request)
        yield* begun
        return follow(principal, run, run.start_seq)
      })

      const get = Effect.fn("Runs.get")(function* (principal: Principal, id: RunId) {
        const found = yield* asRead(repository.find(principal.tenant_id, id))
        if (Option.isNone(found)) return yield* new RunNotFound({ run_id: id })
        return found.value
      })

      return Runs.of({
        start,
        submit: Effect.fn("Runs.submit")((principal, request) =>
          Effect.map(begin(principal, request), ({ run }) => run)
        ),
        answer: Effect.fn("Runs.answer")(function* (principal, request) {
          const { frames, run } = yield* start(principal, request)
          return yield* collectAnswer(run.id, frames)
        }),
        get,
        follow: Effect.fn("Runs.follow")(function* (principal, id, after) {
          const run = yield* get(principal, id)
          const from = Sequence.make(Math.max(after ?? 0, run.start_seq))
          if (run.ended_at !== null && from >= run.last_seq) return null
          const followed = follow(principal, run, from)
          if (run.ended_at === null) return followed
          const range = { after: from, last: run.last_seq, start: run.start_seq }
          const first = yield* resync(principal, run.session_id, id, range)
          return { ...followed, frames: Stream.concat(first, followed.frames) }
        }),
        followSession: Effect.fn("Runs.followSession")(function* (principal, id, cursor) {
          const { tenant_id } = principal
          const reach = yield* asRead(sessionRows.reach(tenant_id, id))
          if (Option.isNone(reach)) return yield* new SessionNotFound({ session_id: id })
          const { last_seq, live } = reach.value
          const after = cursor ?? Sequence.make(0)
          if (after > last_seq) {
            return yield* new ValidationFailed({
              issues: [{ path: "after", message: `This session's last event is ${last_seq}` }]
            })
          }
          if (!live && after === last_seq) return null
          const first = yield* resync(principal, id, null, { after, last: last_seq, start: 0 })
          const frames = log.follow({ tenant_id, session_id: id, run_id: null }, after)
          return { session_id: id, after, frames: Stream.concat(first, frames) }
        }),
        interrupt: Effect.fn("Runs.interrupt")(function* (principal, id) {
          yield* sessions.get(principal, id)
          const live = yield* asRead(repository.findLive(principal.tenant_id, id))
          if (Option.isNone(live)) return yield* new SessionIdle({ session_id: id })
          yield* controls
            .interrupt(principal.tenant_id, live.value.id)
            .pipe(Effect.catchTag("DbRefused", ({ cause }) => new SessionRetrievalFailed({ cause })))
          return live.value.id
        }),
        change: yield* makeRunChanges,
        drain: Effect.fn("Runs.drain")(function* (hurry) {
          yield* admission.shut
          yield* log.release
          yield* FiberSet.awaitEmpty(executions).pipe(
            Effect.raceFirst(hurry),
            Effect.interruptible,
            Effect.timeoutOption(settings.shutdownGrace)
          )
          yield* Deferred.succeed(stopping, undefined)
          yield* Effect.timeoutOption(FiberSet.awaitEmpty(executions), stopPatience)
        })
      })
    })
  )
}
