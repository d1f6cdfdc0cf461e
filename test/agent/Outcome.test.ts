import { assert, it } from "vitest"
import { outcomeOf } from "../../src/agent/Outcome.ts"
import type { SdkResult } from "../../src/agent/SdkMessages.ts"

const failed: SdkResult = {
  subtype: "success",
  session_id: "s",
  is_error: true,
  result: "Prompt is too long",
  errors: [],
  num_turns: 1,
  total_cost_usd: 0,
  usage: { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  modelUsage: {},
  permission_denials: []
}

it("a conversation is too long by the model's own limit, or by the CLI's before it", () => {
  for (const terminal_reason of ["prompt_too_long", "blocking_limit"]) {
    const facts = { model: "m", lastError: undefined, idleLimit: 1000, wantsForm: false }
    const outcome = outcomeOf({ ...failed, terminal_reason }, facts)
    assert.strictEqual(outcome._tag === "Failed" ? outcome.failure._tag : outcome._tag, "PromptTooLong")
  }
})
