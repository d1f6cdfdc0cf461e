import { Record } from "effect"
import type { AgentSpent } from "../domain/Agent.ts"
import { addUsage, type ModelUsage, type Run, type RunTotals } from "../domain/Run.ts"

/** What is stored of a run's totals. */
export const totalsOf = (run: Run): RunTotals => ({
  num_turns: run.num_turns,
  total_cost_usd: run.total_cost_usd,
  cost_unknown: run.cost_unknown,
  usage: run.usage,
  model_usage: run.model_usage,
  duration_ms: run.duration_ms
})

/** Adds where both are known; what is not known adds nothing. */
const known = <A>(one: A | null, other: A | null, add: (one: A, other: A) => A): A | null =>
  one === null ? other : other === null ? one : add(one, other)

const sum = (one: number, other: number): number => one + other

const addModelUsage = (one: ModelUsage, other: ModelUsage): ModelUsage => ({
  ...addUsage(one, other),
  total_cost_usd: one.total_cost_usd + other.total_cost_usd
})

/** What a run has come to after one more agent has worked on it; null is an agent that could not say what it spent. */
export const withSegment = (earlier: RunTotals, spent: AgentSpent | null, duration_ms: number): RunTotals => ({
  num_turns: known(earlier.num_turns, spent?.num_turns ?? null, sum),
  total_cost_usd: known(earlier.total_cost_usd, spent?.total_cost_usd ?? null, sum),
  cost_unknown: earlier.cost_unknown || spent === null || spent.total_cost_usd === null,
  usage: known(earlier.usage, spent?.usage ?? null, addUsage),
  model_usage: known(earlier.model_usage, spent?.model_usage ?? null, (one, other) =>
    Record.union(one, other, addModelUsage)
  ),
  duration_ms: known(earlier.duration_ms, duration_ms, sum)
})
