import { Result } from "effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { AgentSpent } from "../../src/domain/Agent.ts"
import { TenantBudgetReached } from "../../src/domain/errors/BudgetErrors.ts"
import { BudgetReached, MaxTurnsReached } from "../../src/domain/errors/ModelErrors.ts"
import type { RunTotals } from "../../src/domain/Run.ts"
import { withinLimits } from "../../src/services/RunLimits.ts"
import { withSegment } from "../../src/services/RunTotals.ts"

const none: RunTotals = {
  num_turns: null,
  total_cost_usd: null,
  cost_unknown: false,
  usage: null,
  model_usage: null,
  duration_ms: null
}
const earlier: RunTotals = { ...none, num_turns: 2, total_cost_usd: 0.75 }

const first = { _tag: "New" } as const
const suspended = { tool_name: "Bash", tool_use_id: "toolu_1", input: {} }
const goesOn = { _tag: "Continue", first, suspended: null } as const
const hearsAnswer = { _tag: "Continue", first, suspended } as const

const spent = (cost: number) =>
  new TenantBudgetReached({ usd_per_day: 5, spent_today_usd: 4.5 + cost, retry_after_seconds: 60 })

/** What an agent that came to this end is said to have come to. */
const judged = (limited: ReturnType<typeof withinLimits>, failure: BudgetReached | MaxTurnsReached) => {
  const outcome = Result.getOrThrow(limited).judge({ _tag: "Failed", failure, result: null })
  return outcome._tag === "Failed" ? outcome.failure : outcome
}

describe("the limits of an agent", () => {
  it("are those of its run, less what was done before, and none where there are none", () => {
    const { options } = Result.getOrThrow(withinLimits({ beginning: first, options: { effort: "low" } }, none, null))
    assert.deepEqual(options, { effort: "low" })
    const limits = { max_budget_usd: 1, max_turns: 5 }
    const limited = withinLimits({ beginning: goesOn, options: limits }, earlier, null)
    assert.deepEqual(Result.getOrThrow(limited).options, { max_budget_usd: 0.25, max_turns: 3 })
    const costly = judged(limited, new BudgetReached({ total_cost_usd: 0.5 }))
    assert.deepInclude(costly, { _tag: "BudgetReached", total_cost_usd: 1.25 })
    const long = judged(limited, new MaxTurnsReached({ num_turns: 4 }))
    assert.deepInclude(long, { _tag: "MaxTurnsReached", num_turns: 6 })
  })

  it("are its session's or tenant's where less is left of those", () => {
    const turn = { beginning: goesOn, options: { max_budget_usd: 1 } }
    const less = withinLimits(turn, earlier, { left_usd: 0.125, spent })
    assert.deepEqual(Result.getOrThrow(less).options, { max_budget_usd: 0.125 })
    const failure = judged(less, new BudgetReached({ total_cost_usd: 0.5 }))
    assert.deepInclude(failure, { _tag: "TenantBudgetReached", spent_today_usd: 5 })
    const more = withinLimits(turn, earlier, { left_usd: 0.25, spent })
    assert.strictEqual(judged(more, new BudgetReached({ total_cost_usd: 0.5 }))._tag, "BudgetReached")
  })

  it("let none begin where nothing is left, but one that is to hear an answer", () => {
    const exhausted = [
      [{ max_budget_usd: 0.75 }, null, "BudgetReached"],
      [{}, { left_usd: 0, spent }, "TenantBudgetReached"],
      [{ max_turns: 2 }, null, "MaxTurnsReached"]
    ] as const
    for (const [options, allowance, tag] of exhausted) {
      const refused = withinLimits({ beginning: goesOn, options }, earlier, allowance)
      assert.strictEqual(Result.isFailure(refused) ? refused.failure._tag : "", tag)
      const heard = withinLimits({ beginning: hearsAnswer, options }, earlier, allowance)
      const { max_budget_usd = 1, max_turns = 1 } = Result.getOrThrow(heard).options
      assert.isAbove(max_budget_usd, 0)
      assert.strictEqual(max_turns, 1)
    }
  })
})

const count = fc.nat({ max: 1_000_000 })
const usage = fc.record({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count
})
/** Dollars that add up without rounding. */
const dollars = fc.nat({ max: 1000 }).map((eighths) => eighths / 8)
const modelUsage = fc.tuple(usage, dollars).map(([tokens, total_cost_usd]) => ({ ...tokens, total_cost_usd }))
const segment: fc.Arbitrary<AgentSpent> = fc.record({
  num_turns: fc.option(count),
  total_cost_usd: fc.option(dollars),
  usage: fc.option(usage),
  model_usage: fc.option(fc.dictionary(fc.constantFrom("one", "two", "three"), modelUsage))
})

describe("what a run comes to", () => {
  const sumOf = (values: ReadonlyArray<number | null>) => {
    const known = values.filter((value) => value !== null)
    return known.length === 0 ? null : known.reduce((one, other) => one + other, 0)
  }

  it("is the sum of what is known of its agents, and says whether that is all", () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1 }), (segments) => {
        const totals = segments.reduce<RunTotals>((sum, one) => withSegment(sum, one, 10), none)
        assert.strictEqual(totals.num_turns, sumOf(segments.map(({ num_turns }) => num_turns)))
        assert.strictEqual(totals.total_cost_usd, sumOf(segments.map(({ total_cost_usd }) => total_cost_usd)))
        assert.strictEqual(
          totals.cost_unknown,
          segments.some(({ total_cost_usd }) => total_cost_usd === null)
        )
        assert.strictEqual(
          totals.usage?.output_tokens ?? null,
          sumOf(segments.map((one) => one.usage?.output_tokens ?? null))
        )
        for (const model of ["one", "two", "three"]) {
          const used = segments.map((one) => one.model_usage?.[model])
          assert.strictEqual(
            totals.model_usage?.[model]?.total_cost_usd ?? null,
            sumOf(used.map((one) => one?.total_cost_usd ?? null))
          )
          assert.strictEqual(
            totals.model_usage?.[model]?.input_tokens ?? null,
            sumOf(used.map((one) => one?.input_tokens ?? null))
          )
        }
        assert.strictEqual(totals.duration_ms, segments.length * 10)
      })
    )
  })
})
