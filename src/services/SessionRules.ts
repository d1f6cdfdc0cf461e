import { Context, Effect, Layer, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { SessionRuleNotFound } from "../domain/errors/ApprovalErrors.ts"
import { RunUnresponsive, type SessionNotFound } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { SessionId } from "../domain/Session.ts"
import type { SessionRule, SessionRuleId } from "../domain/SessionRule.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import { SessionRuleRepository } from "../storage/SessionRuleRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { RunControls } from "./RunControls.ts"
import { Sessions } from "./Sessions.ts"

/** What was allowed for sessions: seen, and taken back. */
export class SessionRules extends Context.Service<
  SessionRules,
  {
    /** What holds for a session, by what was asked last; from after `position`. */
    list(
      principal: Principal,
      session: SessionId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<SessionRule>, SessionNotFound | ReadFailure>
    /**
     * Takes back what was allowed; answers when the run that is at work has it no more. No run that begins or goes on
     * after that has it, also when the one at work does not answer.
     */
    revoke(
      principal: Principal,
      session: SessionId,
      id: SessionRuleId
    ): Effect.Effect<void, SessionNotFound | SessionRuleNotFound | RunUnresponsive | ReadFailure | DatabaseFailure>
  }
>()("causeway/services/SessionRules") {
  static readonly layer = Layer.effect(
    SessionRules,
    Effect.gen(function* () {
      const controls = yield* RunControls
      const repository = yield* SessionRuleRepository
      const runs = yield* RunRepository
      const sessions = yield* Sessions

      return SessionRules.of({
        list: Effect.fn("SessionRules.list")(function* (principal, session_id, position, size) {
          yield* sessions.get(principal, session_id)
          return yield* asRead(repository.list(principal.tenant_id, session_id, position, size))
        }),
        revoke: Effect.fn("SessionRules.revoke")(function* (principal, session_id, rule_id) {
          const { api_key_id, tenant_id } = principal
          yield* sessions.get(principal, session_id)
          const isKnown = yield* repository.revoke(tenant_id, session_id, rule_id, api_key_id)
          if (!isKnown) return yield* new SessionRuleNotFound({ rule_id })
          // Runs read what is allowed once they are running: one that is not yet finds the rule gone.
          const live = yield* runs.findLive(tenant_id, session_id)
          if (Option.isNone(live) || live.value.status !== "running") return
          const run_id = live.value.id
          const refusal = yield* controls.renewRules(tenant_id, run_id)
          if (refusal !== null && refusal !== "over") return yield* new RunUnresponsive({ run_id })
        })
      })
    })
  )
}
