import { Effect, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import {
  RunNotFound,
  RunOver,
  RunUnresponsive,
  SessionIdle,
  type SessionNotFound,
  SessionRetrievalFailed
} from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure, DbRefused } from "../domain/errors/StorageErrors.ts"
import type { Run, RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { RunControls } from "./RunControls.ts"
import { RunQueue } from "./RunQueue.ts"
import { Sessions } from "./Sessions.ts"

/** How often a run is looked at again that was on its way from one state to another. */
const attempts = 10

const unreadable = ({ cause }: DbRefused) => new SessionRetrievalFailed({ cause })

/** Makes what interrupts runs, wherever they are and whether or not they have begun. */
export const makeRunInterrupts = Effect.gen(function* () {
  const controls = yield* RunControls
  const queue = yield* RunQueue
  const runs = yield* RunRepository
  const sessions = yield* Sessions

  const interrupt = Effect.fn("RunInterrupts.interrupt")(function* (
    tenant: TenantId,
    id: RunId
  ): Effect.fn.Return<Run, RunNotFound | RunOver | RunUnresponsive | DatabaseFailure> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const run = Option.getOrUndefined(yield* runs.find(tenant, id))
      if (run === undefined) return yield* new RunNotFound({ run_id: id })
      if (run.ended_at !== null) return yield* new RunOver({ run_id: id })
      if (run.status === "running") {
        yield* controls.interrupt(tenant, id)
        return run
      }
      const cancelled = yield* queue.cancel(tenant, run).pipe(Effect.catchTag("LeaseLost", () => Effect.succeed(false)))
      if (cancelled) return run
    }
    return yield* new RunUnresponsive({ run_id: id })
  })

  return {
    /** The run of a session that is at work, or else the next one; answers with its id. */
    ofSession: Effect.fn("RunInterrupts.ofSession")(function* (
      principal: Principal,
      id: SessionId
    ): Effect.fn.Return<RunId, SessionNotFound | SessionIdle | RunUnresponsive | ReadFailure> {
      yield* sessions.get(principal, id)
      const live = yield* asRead(runs.findLive(principal.tenant_id, id))
      if (Option.isNone(live)) return yield* new SessionIdle({ session_id: id })
      // It may have ended since.
      yield* interrupt(principal.tenant_id, live.value.id).pipe(
        Effect.catchTags({
          DbRefused: unreadable,
          RunNotFound: () => new SessionIdle({ session_id: id }),
          RunOver: () => new SessionIdle({ session_id: id })
        })
      )
      return live.value.id
    }),
    /** Answers with the run as it was before. */
    ofRun: Effect.fn("RunInterrupts.ofRun")(
      (principal: Principal, id: RunId): Effect.Effect<Run, RunNotFound | RunOver | RunUnresponsive | ReadFailure> =>
        Effect.catchTag(interrupt(principal.tenant_id, id), "DbRefused", unreadable)
    )
  }
})
