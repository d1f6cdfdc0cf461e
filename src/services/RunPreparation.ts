import { Effect } from "effect"
import type { AgentTurn } from "../agent/AgentRuntime.ts"
import { SessionRuleRepository } from "../storage/SessionRuleRepository.ts"
import { Budgets } from "./Budgets.ts"
import { type HookListener, Hooks } from "./Hooks.ts"
import type { RunAssignment, WorkEnd } from "./RunAssignment.ts"
import { type LimitedOptions, withinLimits } from "./RunLimits.ts"

/** A turn as tenant and session let it begin. */
export interface PreparedTurn {
  readonly turn: AgentTurn
  readonly judge: LimitedOptions["judge"]
}

/**
 * Finds out what is left to spend, who is to be asked and what is allowed already; fails with the run's end where that is
 * not known, or nothing is left. Nobody works unasked whose tenant may want to be asked.
 */
export const prepareTurn = Effect.fn("RunPreparation.prepareTurn")(function* (
  { earlier, hooks: requested, lease: { run_id, session_id }, turn }: RunAssignment,
  listener: HookListener
): Effect.fn.Return<PreparedTurn, WorkEnd, Budgets | Hooks | SessionRuleRepository> {
  const budgets = yield* Budgets
  const hooks = yield* Hooks
  const rules = yield* SessionRuleRepository
  const tenant_id = turn.tenantId
  const [allowance, asked, sessionRules] = yield* Effect.all(
    [
      budgets.allowance(tenant_id, session_id),
      hooks.of(requested, { tenant_id, session_id, run_id }, listener),
      rules.inForce(tenant_id, session_id)
    ],
    { concurrency: 3 }
  ).pipe(Effect.mapError((reason): WorkEnd => ({ _tag: "Unwritable", reason, outcome: null })))
  const { judge, options } = yield* Effect.fromResult(withinLimits(turn, earlier, allowance)).pipe(
    Effect.mapError((failure): WorkEnd => ({
      _tag: "Ended",
      outcome: { _tag: "Failed", failure, result: null },
      transcriptComplete: true
    }))
  )
  return { turn: { ...turn, options, sessionRules, hooks: asked }, judge }
})
