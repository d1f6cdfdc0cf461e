import { Context, Effect, Exit, Layer, Option, Result, Scope } from "effect"
import { AgentRuntime } from "../agent/AgentRuntime.ts"
import { Workspaces } from "../agent/Workspaces.ts"
import { Cache } from "../cache/Cache.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { AgentNotExecutable, SdkMissing } from "../domain/errors/AgentErrors.ts"
import { ModelCredentialsMissing } from "../domain/errors/ModelErrors.ts"
import type { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import {
  RunNotFound,
  type RunOver,
  type RunUnresponsive,
  type SessionIdle,
  type SessionNotFound
} from "../domain/errors/SessionErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import type { Run, RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { Admission } from "./Admission.ts"
import type { OrderedRun } from "./AgentTurns.ts"
import { type Answer, collectAnswer } from "./Answers.ts"
import { Equipment } from "./Equipment.ts"
import { Executions } from "./Executions.ts"
import type { FailureFields } from "./FailureReport.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { type ChangeRun, makeRunChanges } from "./RunChanges.ts"
import { makeRunFollowing } from "./RunFollowing.ts"
import { makeRunInterrupts } from "./RunInterrupts.ts"
import { RunLog } from "./RunLog.ts"
import type { FollowedRun, FollowedSession, RunRequest, StartFailure } from "./RunRequest.ts"
import { makeRunWrite, previewLength } from "./RunWrite.ts"
import type { EndOfStart } from "./StartTurns.ts"

/** How long interrupted runs have to write their ends when the service stops, in milliseconds. */
const stopPatience = 10_000

/** Runs: started, followed, read and interrupted. */
export class Runs extends Context.Service<
  Runs,
  {
    /**
     * Starts a run and answers when its agent has said `init`, or when it waits for its turn. What goes wrong before
     * that fails here; what goes wrong after it is in the frames. The run belongs to the service:
     * it goes on while the caller is gone, for DISCONNECT_GRACE or to its end.
     */
    start(principal: Principal, request: RunRequest): Effect.Effect<FollowedRun, StartFailure>
    /** Starts a run and answers when it is stored. What goes wrong after that is in the run and in its frames. */
    submit(principal: Principal, request: RunRequest): Effect.Effect<Run, StartFailure>
    /** Starts a run and waits for its end, or until it waits for an answer. A run that did not complete is its failure. */
    answer(principal: Principal, request: RunRequest): Effect.Effect<Answer | Run, StartFailure>
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
    /** Interrupts a session's run that is at work, wherever it is, or else the next one; answers when that is done. */
    interrupt(
      principal: Principal,
      id: SessionId
    ): Effect.Effect<RunId, SessionNotFound | SessionIdle | RunUnresponsive | ReadFailure>
    /** Changes the run of a session whose agent is at work, wherever it is; answers when the agent has changed. */
    readonly change: ChangeRun
    /** Interrupts a run, whether or not it has begun; answers with the run as it was before. */
    interruptRun(
      principal: Principal,
      id: RunId
    ): Effect.Effect<Run, RunNotFound | RunOver | RunUnresponsive | ReadFailure>
    /**
     * Takes no new runs, sends readers of other instances' runs away, and lets those that go on here finish for
     * SHUTDOWN_GRACE or until `hurry` is done; then interrupts them, or leaves them to other instances.
     */
    drain(hurry: Effect.Effect<void>): Effect.Effect<void>
  }
>()("causeway/services/Runs") {
  static readonly layer = Layer.effect(
    Runs,
    Effect.gen(function* () {
      const settings = yield* Settings
      const repository = yield* RunRepository
      const admission = yield* Admission
      const cache = yield* Cache
      const workspaces = yield* Workspaces
      const equipments = yield* Equipment
      const runtime = yield* AgentRuntime
      const executions = yield* Executions
      const log = yield* RunLog
      const write = yield* makeRunWrite
      const following = yield* makeRunFollowing
      const interrupts = yield* makeRunInterrupts

      /** Takes a place here, and its turn to start. */
      const enter = Effect.fnUntraced(function* (tenant: TenantId) {
        yield* admission.enter(tenant)
        return yield* Effect.acquireRelease(admission.startTurnSoon, (end) => end, { interruptible: true })
      })

      /** Hands a run that is written down to a fiber of the service's own. */
      const launch = Effect.fnUntraced(function* (
        principal: Principal,
        background: boolean,
        ordered: OrderedRun & { readonly run: Run },
        place: Scope.Closeable,
        endOfStart: EndOfStart
      ) {
        const { order, run, tenant_id } = ordered
        const request = yield* CurrentRequest
        const fields: FailureFields = {
          session_id: run.session_id,
          run_id: run.id,
          tenant_id,
          api_key_hash: principal.api_key_hash,
          ...(request === null ? {} : { request_id: request.requestId }),
          ...(settings.logPrompts ? { prompt_preview: order.prompt.slice(0, previewLength) } : {})
        }
        const begun = yield* executions.carry(
          { ...ordered, fields },
          { segment: "first", answered: null, place, startTurn: Effect.succeed(endOfStart), background }
        )
        return { run, begun }
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
        return yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const entered = yield* Effect.result(restore(Scope.provide(enter(principal.tenant_id), place)))
            // Who is ready to wait for the session waits for room too.
            if (Result.isFailure(entered) && (entered.failure._tag === "ShuttingDown" || request.on_busy !== "queue")) {
              return yield* entered.failure
            }
            const written = yield* write(principal, equipped, directories, Result.isSuccess(entered))
            if (written._tag === "Started" && Result.isSuccess(entered)) {
              return yield* launch(principal, request.background, written, place, entered.success)
            }
            yield* Scope.close(place, Exit.void)
            return { run: written.run, begun: Effect.void }
          }).pipe(Effect.onError((cause) => Scope.close(place, Exit.failCause(cause))))
        )
      })

      const start = Effect.fn("Runs.start")(function* (principal: Principal, request: RunRequest) {
        const { begun, run } = yield* begin(principal, request)
        yield* begun
        return following.follow(principal, run, run.start_seq)
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
          return (
            (yield* collectAnswer(run.id, frames)) ??
            (yield* Effect.catchTag(get(principal, run.id), "RunNotFound", () => Effect.succeed(run)))
          )
        }),
        get,
        follow: Effect.fn("Runs.follow")(function* (principal, id, after) {
          return yield* following.followRun(principal, yield* get(principal, id), after)
        }),
        change: yield* makeRunChanges,
        followSession: following.followSession,
        interrupt: interrupts.ofSession,
        interruptRun: interrupts.ofRun,
        drain: Effect.fn("Runs.drain")(function* (hurry) {
          yield* admission.shut
          yield* log.release
          yield* executions.suspend
          yield* executions.none.pipe(
            Effect.raceFirst(hurry),
            Effect.interruptible,
            Effect.timeoutOption(settings.shutdownGrace)
          )
          yield* executions.stop(stopPatience)
        })
      })
    })
  )
}
