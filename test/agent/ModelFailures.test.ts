import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { bench, completed, failed, run, scripted, usage } from "./Agents.ts"

/** What the model does, and what the turn fails with. */
const failures: ReadonlyArray<readonly [Step, string]> = [
  [{ error: "authentication" }, "ModelUnauthorized"],
  [{ error: "permission" }, "ModelForbidden"],
  [{ error: "model_not_found" }, "ModelNotFound"],
  [{ error: "invalid_request" }, "ModelRequestRejected"],
  [{ error: "billing" }, "ModelBillingFailed"],
  [{ error: "prompt_too_long" }, "PromptTooLong"],
  [{ error: "too_large" }, "ModelRequestTooLarge"],
  [{ error: "rate_limit" }, "ModelRateLimited"],
  [{ error: "server_error" }, "ModelServerFailed"],
  [{ error: "unavailable" }, "ModelServerFailed"],
  [{ error: "overloaded" }, "ModelOverloaded"],
  [{ fault: "reset" }, "ModelUnreachable"],
  [{ text: "one two three", fault: "error_event", after: 1 }, "ModelStreamCut"],
  [{ fault: "html" }, "ModelResponseInvalid"],
  [{ text: "No.", stop: "refusal" }, "ModelRefused"],
  [{ text: "And so", stop: "max_tokens" }, "MaxTokensReached"],
  [{ fault: "hang_before" }, "ModelSilent"],
  [{ text: "one two three", chunk: 1, fault: "hang", after: 4 }, "ModelSilent"]
]

describe("what the model fails with is what the turn fails with", () => {
  it.live.each(failures)("%j is %s", ([step, tag]) =>
    Effect.gen(function* () {
      const { settings, turn } = yield* bench
      const limits = {
        ...settings,
        modelRetries: 1,
        modelIdleTimeout: step.fault?.startsWith("hang") === true ? 1500 : 60_000
      }
      const { outcome } = yield* run(limits, turn(scripted("Try.", { ...step, repeat: true })))
      assert.strictEqual(failed(outcome).failure._tag, tag)
    })
  )
})

it.live("a model that cannot be reached at all is ModelUnreachable", () =>
  Effect.gen(function* () {
    const { settings, turn, model } = yield* bench
    yield* Effect.promise(() => model.stop())
    const { events, outcome } = yield* run(settings, turn("Try."))
    assert.strictEqual(failed(outcome).failure._tag, "ModelUnreachable")
    assert.deepStrictEqual(
      events.map(({ event }) => event),
      ["init", "retry", "end"]
    )
  })
)

it.live("a stream that breaks off and can be had again is no failure", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const step = { text: "one two three", chunk: 1, fault: "cut", after: 4, times: 1 } as const
    const { events, outcome } = yield* run(settings, turn(scripted("Try.", step)))
    assert.strictEqual(completed(outcome).result, "one two three")
    assert.include(
      events.map(({ event }) => event),
      "retry"
    )
  })
)

it.live("limits of the request end the turn by name, with what it cost", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const working = scripted("Work.", { tool: "Glob", input: { pattern: "*", path: cwd }, usage, repeat: true })
    const turns = failed((yield* run(settings, turn(working, { options: { max_turns: 2 } }))).outcome)
    assert.strictEqual(turns.failure._tag, "MaxTurnsReached")
    assert.isAbove(turns.result?.total_cost_usd ?? 0, 0)
    const budget = failed((yield* run(settings, turn(working, { options: { max_budget_usd: 0.001 } }))).outcome)
    assert.strictEqual(budget.failure._tag, "BudgetReached")
    assert.isAbove(budget.result?.total_cost_usd ?? 0, 0.001)
  })
)
