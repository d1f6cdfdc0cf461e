import { assert, it } from "@effect/vitest"
import { Option } from "effect"
import { eventsOf, nameOf } from "../../src/agent/EventMapping.ts"

const map = (message: unknown) => Option.getOrNull(eventsOf(nameOf(message), message))

it("knows a message by its type and subtype, and anything else as unreadable", () => {
  assert.strictEqual(nameOf({ type: "assistant", message: {} }), "assistant")
  assert.strictEqual(nameOf({ type: "system", subtype: "init" }), "system/init")
  for (const nothing of [null, undefined, 1, "x", [], {}]) assert.strictEqual(nameOf(nothing), "unreadable")
})

it("gives nothing for messages that it does not know or cannot read, and an empty list for those that say nothing", () => {
  assert.isNull(map({ type: "from_the_future" }))
  assert.isNull(map({ type: "constructor" }))
  assert.isNull(map({ type: "assistant", message: "?" }))
  assert.deepStrictEqual(map({ type: "rate_limit_event" }), [])
  assert.deepStrictEqual(map({ type: "system", subtype: "status", status: "requesting" }), [])
})

it("says by its own names what the SDK says by its", () => {
  assert.deepStrictEqual(
    map({
      type: "system",
      subtype: "api_retry",
      attempt: 1,
      max_retries: 4,
      retry_delay_ms: 512,
      error_status: null,
      error: "unknown",
      session_id: "s",
      uuid: "u"
    }),
    [{ event: "retry", data: { attempt: 1, max_attempts: 4, delay_ms: 512, status: null, reason: "unknown" } }]
  )
  assert.deepStrictEqual(map({ type: "system", subtype: "status", status: "compacting" }), [
    { event: "status", data: { status: "compacting", message: null } }
  ])
  assert.deepStrictEqual(
    map({ type: "tool_progress", tool_use_id: "t", tool_name: "Bash", elapsed_time_seconds: 3.5, uuid: "u" }),
    [{ event: "tool_progress", data: { tool_name: "Bash", tool_use_id: "t", elapsed_seconds: 3.5 } }]
  )
  assert.deepStrictEqual(
    map({
      type: "stream_event",
      parent_tool_use_id: null,
      event: { type: "message_delta", delta: { stop_reason: null } }
    }),
    []
  )
})

it("tells the CLI's own words from the model's and the user's", () => {
  const say = (type: string, message: object, more: object = {}) => map({ type, message, ...more })
  assert.deepStrictEqual(say("assistant", { model: "<synthetic>", content: [{ type: "text", text: "API Error" }] }), [])
  const typeOf = (events: ReturnType<typeof map>) => {
    const [first] = events ?? []
    return first?.event === "message" ? first.data.type : undefined
  }
  const text = (text: string) => ({ content: [{ type: "text", text }] })
  assert.strictEqual(typeOf(say("user", text("Output token limit hit."), { isSynthetic: true })), "system")
  assert.strictEqual(typeOf(say("user", text("[Request interrupted by user]"))), "system")
  assert.strictEqual(typeOf(say("user", { content: "Hello" })), "user")
})
