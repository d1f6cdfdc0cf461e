import { Effect, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { Forbidden } from "../domain/errors/RequestErrors.ts"
import {
  RunChangeRefused,
  RunUnresponsive,
  SessionIdle,
  type SessionNotFound,
  SessionRetrievalFailed
} from "../domain/errors/SessionErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { RunChange } from "../domain/RunChange.ts"
import type { SessionId } from "../domain/Session.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { RunControls } from "./RunControls.ts"
import { Sessions } from "./Sessions.ts"

/** Changes the run of a session whose agent is at work; answers with it when the agent has changed. */
export type ChangeRun = (
  principal: Principal,
  session: SessionId,
  change: RunChange
) => Effect.Effect<RunId, Forbidden | SessionNotFound | SessionIdle | RunUnresponsive | RunChangeRefused | ReadFailure>

/** Makes what changes runs, wherever they are. */
export const makeRunChanges = Effect.gen(function* () {
  const controls = yield* RunControls
  const runs = yield* RunRepository
  const sessions = yield* Sessions

  const changeRun: ChangeRun = Effect.fn("RunChanges.changeRun")(function* (principal, session_id, change) {
    if (change.permission_mode === "bypassPermissions" && !principal.has("bypass_permissions")) {
      return yield* new Forbidden({ scope: "bypass_permissions" })
    }
    yield* sessions.get(principal, session_id)
    const live = yield* asRead(runs.findLive(principal.tenant_id, session_id))
    if (Option.isNone(live) || live.value.status !== "running") return yield* new SessionIdle({ session_id })
    const run_id = live.value.id
    const refusal = yield* controls
      .change(principal.tenant_id, run_id, change)
      .pipe(Effect.catchTag("DbRefused", ({ cause }) => new SessionRetrievalFailed({ cause })))
    switch (refusal) {
      case null:
        return run_id
      case "over":
        return yield* new SessionIdle({ session_id })
      case "rules":
      case "timed_out":
        return yield* new RunUnresponsive({ run_id })
      default:
        return yield* new RunChangeRefused({ run_id, field: refusal })
    }
  })
  return changeRun
})
