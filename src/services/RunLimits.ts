import { Result } from "effect"
import type { AgentTurn } from "../agent/AgentRuntime.ts"
import type { AgentOutcome } from "../domain/Agent.ts"
import type { Allowance } from "../domain/Budget.ts"
import type { BudgetSpent } from "../domain/errors/BudgetErrors.ts"
import { BudgetReached, MaxTurnsReached } from "../domain/errors/ModelErrors.ts"
import type { RunTotals } from "../domain/Run.ts"

/** The options of an agent that may begin, and what its end means for the run. */
export interface LimitedOptions {
  readonly options: AgentTurn["options"]
  /** Says of an agent that came to a limit whose it was, and what the run has come to then. */
  readonly judge: (outcome: AgentOutcome) => AgentOutcome
}

/** Dollars that are left to an agent that is to give no more than one answer. */
const forOneAnswer = 1e-6

/** What is left of the run's own budget, or of its session's or tenant's, whichever is less. */
const purseOf = (own: number | undefined, spent: number, allowance: Allowance | null) => {
  const left = own === undefined ? undefined : own - spent
  if (allowance !== null && (left === undefined || allowance.left_usd < left)) {
    return { left: allowance.left_usd, failure: allowance.spent }
  }
  return { left, failure: (cost: number) => new BudgetReached({ total_cost_usd: spent + cost }) }
}

/**
 * Holds an agent to what its run may still spend and do, after what earlier agents of it have done; fails when that is
 * nothing. An agent that is to hear the answer to what an earlier one asked hears it all the same, and says what it makes
 * of that.
 */
export const withinLimits = (
  turn: Pick<AgentTurn, "beginning" | "options">,
  earlier: RunTotals,
  allowance: Allowance | null
): Result.Result<LimitedOptions, BudgetReached | BudgetSpent | MaxTurnsReached> => {
  const { max_budget_usd, max_turns, ...options } = turn.options
  const isAwaited = turn.beginning._tag === "Continue" && turn.beginning.suspended !== null
  const purse = purseOf(max_budget_usd, earlier.total_cost_usd ?? 0, allowance)
  if (purse.left !== undefined && purse.left <= 0 && !isAwaited) return Result.fail(purse.failure(0))
  const turns = earlier.num_turns ?? 0
  const turnsLeft = max_turns === undefined ? undefined : max_turns - turns
  if (turnsLeft !== undefined && turnsLeft <= 0 && !isAwaited) {
    return Result.fail(new MaxTurnsReached({ num_turns: turns }))
  }
  const judge = (outcome: AgentOutcome): AgentOutcome => {
    if (outcome._tag !== "Failed") return outcome
    const { failure } = outcome
    switch (failure._tag) {
      case "BudgetReached":
        return { ...outcome, failure: purse.failure(failure.total_cost_usd ?? 0) }
      case "MaxTurnsReached":
        return { ...outcome, failure: new MaxTurnsReached({ num_turns: turns + (failure.num_turns ?? 0) }) }
      default:
        return outcome
    }
  }
  return Result.succeed({
    options: {
      ...options,
      ...(purse.left === undefined ? {} : { max_budget_usd: Math.max(forOneAnswer, purse.left) }),
      ...(turnsLeft === undefined ? {} : { max_turns: Math.max(1, turnsLeft) })
    },
    judge
  })
}
