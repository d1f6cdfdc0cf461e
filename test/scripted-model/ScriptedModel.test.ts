import Anthropic, { APIError } from "@anthropic-ai/sdk"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import type { Step } from "../../scripts/scripted-model/Script.ts"
import { startScriptedModel, type ScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"

let model: ScriptedModel
let client: Anthropic

beforeAll(async () => {
  model = await startScriptedModel()
  client = new Anthropic({ baseURL: model.url, apiKey: "anything", maxRetries: 0 })
})
afterEach(() => {
  model.clear()
  model.setScript([])
})
afterAll(() => model.stop())

const script = (...steps: ReadonlyArray<Step>) => `<script>${JSON.stringify(steps)}</script>`

type Messages = Array<Anthropic.MessageParam>

const request = (messages: string | Messages) => ({
  model: "claude-opus-5-5",
  max_tokens: 1000,
  messages: typeof messages === "string" ? [{ role: "user" as const, content: messages }] : messages
})

const ask = async (messages: string | Messages): Promise<string> =>
  textOf(await client.messages.create(request(messages)))

const textOf = (message: Anthropic.Message) =>
  message.content.map((block) => (block.type === "text" ? block.text : `<${block.type}>`)).join("")

const raw = (prompt: string, headers: Record<string, string> = {}) =>
  fetch(`${model.url}/v1/messages`, {
    method: "POST",
    headers,
    body: JSON.stringify({ ...request(prompt), stream: true })
  })

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail("It did not fail"),
    (error: unknown) => error
  )

const control = (method: string, path: string, body?: unknown) =>
  fetch(`${model.url}/control/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })

const user = (content: string): Anthropic.MessageParam => ({ role: "user", content })
const assistant = (content: string): Anthropic.MessageParam => ({ role: "assistant", content })
const called = (id: string): Anthropic.MessageParam => ({
  role: "assistant",
  content: [{ type: "tool_use", id, name: "Read", input: {} }]
})
const result = (id: string, content: string): Anthropic.MessageParam => ({
  role: "user",
  content: [{ type: "tool_result", tool_use_id: id, content }]
})

describe("an answer", () => {
  it("quotes the prompt when there is no script", async () => {
    assert.strictEqual(await ask("Hello"), "You said: Hello (user turn 1)")
    assert.strictEqual(await ask([user("a"), assistant("b"), user("c")]), "You said: c (user turn 2)")
  })

  it("streams thinking, text and tools, and the client puts them together", async () => {
    const stream = client.messages.stream(
      request(
        script({
          thinking: "Let me see",
          text: "I write two files, ünd 🎈s.",
          tools: [
            { name: "Write", input: { path: "a", content: "{{step}}" } },
            { name: "Write", input: { path: "b" }, id: "toolu_b" }
          ],
          chunk: 3
        })
      )
    )
    const message = await stream.finalMessage()
    const [thinking, text, first, second] = message.content
    assert(thinking?.type === "thinking" && thinking.thinking === "Let me see" && thinking.signature.length > 10)
    assert(text?.type === "text" && text.text === "I write two files, ünd 🎈s.")
    assert(first?.type === "tool_use")
    assert.deepEqual(first.input, { path: "a", content: "0" })
    assert(second?.type === "tool_use" && second.id === "toolu_b")
    assert.strictEqual(message.stop_reason, "tool_use")
    assert.strictEqual(message.model, "claude-opus-5-5")
    assert(message.usage.input_tokens > 0 && message.usage.output_tokens > 5)
  })

  it("has the same content without streaming", async () => {
    const message = await client.messages.create(request(script({ thinking: "hm", tool: "Read", input: { n: 1 } })))
    assert.deepEqual(
      message.content.map((block) => block.type),
      ["thinking", "tool_use"]
    )
    assert.strictEqual(message.stop_reason, "tool_use")
  })

  it("keeps its pace", async () => {
    const times: Array<number> = []
    const started = performance.now()
    const stream = client.messages.stream(request(script({ text: "abcdefgh", chunk: 2, every: 40, delay: 80 })))
    stream.on("text", () => times.push(performance.now() - started))
    await stream.done()
    assert.strictEqual(times.length, 4)
    assert((times[0] ?? 0) >= 75)
    assert((times[3] ?? 0) - (times[0] ?? 0) >= 100)
  })

  it("can be ten thousand deltas", async () => {
    const text = await (await raw(script({ deltas: 10_000, text: "ab " }))).text()
    assert.strictEqual(text.split("event: content_block_delta").length - 1, 10_000)
    assert(text.endsWith(`data: {"type":"message_stop"}\n\n`))
  })

  it("replaces the usage", async () => {
    const message = await client.messages.create(request(script({ text: "x", usage: { output_tokens: 900_000 } })))
    assert.strictEqual(message.usage.output_tokens, 900_000)
  })

  it("counts tokens", async () => {
    const { input_tokens } = await client.messages.countTokens({ model: "m", messages: [user("x".repeat(400))] })
    assert(input_tokens > 100 && input_tokens < 150)
  })
})

describe("a turn", () => {
  const prompt = script({ tool: "Read" }, { text: "{{last_tool_result}}, {{tool_result.0}}, {{step}}" })

  it("goes on with the next step after each round of tools", async () => {
    const turn = [user(prompt), called("1"), result("1", "one")]
    assert.strictEqual(await ask(turn), "one, one, 1")
    assert.strictEqual(await ask([...turn, called("2"), result("2", "two")]), "The script is over.")
    assert.strictEqual(await ask([...turn, assistant("done"), user("next")]), "You said: next (user turn 2)")
  })

  it("repeats a step for ever", async () => {
    const turn = [user(script({ text: "first" }, { text: "again", repeat: true })), called("1"), result("1", "")]
    assert.strictEqual(await ask([...turn, called("2"), result("2", "")]), "again")
  })

  it("is not ended by what the CLI writes for the user", async () => {
    const continued = [
      user(script({ text: "mine" })),
      assistant("half"),
      user("Output token limit hit. Resume directly")
    ]
    assert.strictEqual(await ask(continued), "mine")
    const wrapped = `<system-reminder>\nfoo\n</system-reminder>\nHello`
    assert.strictEqual(await ask(wrapped), "You said: Hello (user turn 1)")
  })

  it("answers the last of two prompts in one message", async () => {
    const content = [
      script({ text: "one" }),
      "[Request interrupted by user]\n",
      `two ${script({ text: "{{prompt}}" })}`
    ]
    assert.strictEqual(
      await ask([{ role: "user", content: content.map((text) => ({ type: "text" as const, text })) }]),
      "two"
    )
  })

  it("recalls", async () => {
    const said = [user(`My word is fig. ${script({ text: "ok" })}`), assistant("ok"), user("second"), assistant("ok")]
    assert.strictEqual(
      await ask([...said, user(script({ recall: "You told me:" }))]),
      "You told me: [0] My word is fig. [1] second"
    )
    assert.strictEqual(
      await ask([...said, user(`now ${script({ text: "{{user.0}}|{{user.-1}}|{{turns}}|{{model}}|{{what}}" })}`)]),
      "My word is fig.|now|3|claude-opus-5-5|{{what}}"
    )
  })

  it("finds the outer script when there is one inside", async () => {
    const inner = script({ text: "inner" })
    const message = await client.messages.create(request(script({ tool: "Agent", input: { prompt: inner } })))
    const [call] = message.content
    assert(call?.type === "tool_use")
    assert.deepEqual(call.input, { prompt: inner })
    assert.strictEqual(await ask(inner), "inner")
  })

  it("says what is wrong with a script", async () => {
    assert.include(await ask(`<script>[{"txt": 1}]</script>`), `Step 0: there is no field "txt"`)
    assert.include(await ask(`<script>[{"error": "nope"}]</script>`), `"error" cannot be "nope"`)
    assert.include(await ask(`<script>[{]</script>`), "The script in the prompt is wrong")
    assert.include(await ask(`<script>[{}]`), "is not closed")
  })
})

describe("a failure", () => {
  const errors: ReadonlyArray<[NonNullable<Step["error"]>, number, string]> = [
    ["invalid_request", 400, "invalid_request_error"],
    ["billing", 400, "invalid_request_error"],
    ["prompt_too_long", 400, "invalid_request_error"],
    ["authentication", 401, "authentication_error"],
    ["permission", 403, "permission_error"],
    ["model_not_found", 404, "not_found_error"],
    ["too_large", 413, "request_too_large"],
    [429, 429, "rate_limit_error"],
    [500, 500, "api_error"],
    [503, 503, "api_error"],
    ["overloaded", 529, "overloaded_error"],
    [418, 418, "invalid_request_error"]
  ]
  it.each(errors)("%s is status %i", async (error, status, type) => {
    const thrown = await failure(ask(script({ error })))
    assert(thrown instanceof APIError)
    assert.strictEqual(thrown.status, status)
    assert.strictEqual(thrown.type, type)
    assert.match(thrown.requestID ?? "", /^req_/)
  })

  it("names the model, the message and when to come back", async () => {
    const missing = await failure(ask(script({ error: 404 })))
    assert(missing instanceof APIError)
    assert.include(missing.message, "model: claude-opus-5-5")
    const limited = await raw(script({ error: 429, retry_after: 7, message: "Slow down" }))
    assert.strictEqual(limited.headers.get("retry-after"), "7")
    assert.include(await limited.text(), "Slow down")
  })

  it("ends after so many times, counted per session and prompt", async () => {
    const prompt = script({ error: 529, times: 2, text: "fine" })
    const status = async (session: string) => (await raw(prompt, { "x-claude-code-session-id": session })).status
    assert.deepEqual([await status("a"), await status("a"), await status("a")], [529, 529, 200])
    assert.deepEqual([await status("b"), await status("a")], [529, 200])
  })

  it("can be one model's only", async () => {
    const prompt = script({ error: 529, model: "opus", text: "{{model}}" })
    assert.instanceOf(await failure(ask(prompt)), APIError)
    const other = await client.messages.create({ ...request(prompt), model: "claude-haiku-4-5" })
    assert.strictEqual(textOf(other), "claude-haiku-4-5")
  })

  it("can be the stop reason", async () => {
    const long = await client.messages.create(request(script({ text: "abc", stop: "max_tokens" })))
    assert.strictEqual(long.stop_reason, "max_tokens")
    const refused = await client.messages.create(request(script({ stop: "refusal" })))
    assert.deepEqual([refused.stop_reason, refused.content], ["refusal", []])
  })
})

describe("a fault in the stream", () => {
  const step: Step = { text: "one two three four", chunk: 4, after: 2 }
  const stream = async (fault: NonNullable<Step["fault"]>) => (await raw(script({ ...step, fault }))).text()
  const deltas = (text: string) => text.split("event: content_block_delta").length - 1

  it("cuts the connection", async () => {
    let received = ""
    const response = await raw(script({ ...step, fault: "cut" }))
    const read = async () => {
      if (response.body === null) return
      for await (const chunk of response.body) received += Buffer.from(chunk).toString()
    }
    assert.instanceOf(await failure(read()), Error)
    assert.strictEqual(deltas(received), 2)
    assert.deepInclude(model.requests().at(-1)?.answer, { state: "broken", deltas: 2 })
  })

  it("ends too early, without the last event, or with nothing at all", async () => {
    const early = await stream("end")
    assert.strictEqual(deltas(early), 2)
    assert.notInclude(early, "message_delta")
    const late = await stream("no_message_stop")
    assert.strictEqual(deltas(late), 5)
    assert.include(late, "event: message_delta")
    assert.notInclude(late, "message_stop")
    assert.strictEqual(await stream("empty_stream"), "")
  })

  it("sends bad JSON, an error event, a page", async () => {
    const bad = (await stream("bad_json")).trim().split("data: ").at(-1) ?? ""
    assert.throws(() => JSON.parse(bad))
    const failed = client.messages.stream(request(script({ ...step, fault: "error_event" })))
    const thrown = await failure(failed.finalMessage())
    assert.include(String(thrown), "Overloaded")
    assert.include(await stream("html"), "<html>")
  })

  it("does not touch a request that does not stream", async () => {
    assert.strictEqual(await ask(script({ ...step, fault: "cut" })), "one two three four")
  })

  it("resets the connection before the head", async () => {
    assert.instanceOf(await failure(raw(script({ fault: "reset" }))), Error)
  })

  it("hangs, until the other side goes", async () => {
    for (const fault of ["hang_before", "hang"] as const) {
      const signal = AbortSignal.timeout(100)
      const work = client.messages.stream(request(script({ ...step, fault })), { signal }).finalMessage()
      assert.instanceOf(await failure(work), Error)
      await until(() => model.requests().at(-1)?.answer.state === "closed")
      assert.strictEqual(model.requests().at(-1)?.answer.deltas, fault === "hang" ? 2 : 0)
    }
  })
})

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe("control", () => {
  it("shows what was received", async () => {
    await raw("Hello", { "x-claude-code-session-id": "s1", "x-claude-code-agent-id": "a1", "x-api-key": "k" })
    const [received] = model.requests()
    assert.deepInclude(received, { kind: "subagent", sessionId: "s1", agentId: "a1", prompt: "Hello", stream: true })
    assert.strictEqual(received?.headers["x-api-key"], "k")
    const listed: unknown = await (await control("GET", "requests")).json()
    assert(Array.isArray(listed) && listed.length === 1)
    await control("DELETE", "requests")
    assert.deepEqual(model.requests(), [])
  })

  it("sets a default script, a queue, rules", async () => {
    assert.strictEqual((await control("PUT", "script", [{ text: "default" }])).status, 200)
    assert.strictEqual(await ask("x"), "default")
    assert.strictEqual(await ask(script({ text: "own" })), "own")
    await control("PUT", "script", {
      rules: [{ prompt: "secret", steps: [{ text: "rule" }] }],
      queue: [{ text: "first" }, { error: 500 }],
      default: [{ text: "default" }]
    })
    assert.strictEqual(await ask("a secret"), "rule")
    assert.strictEqual(await ask(script({ text: "own" })), "first")
    assert.instanceOf(await failure(ask("x")), APIError)
    assert.strictEqual(await ask("x"), "default")
    await control("DELETE", "script")
    assert.strictEqual(await ask("x"), "You said: x (user turn 1)")
    assert.strictEqual((await control("PUT", "script", [{ nope: 1 }])).status, 422)
  })

  it("holds at a gate", async () => {
    const started = ask(script({ hold: "before", text: "opened" }))
    const half = client.messages.stream(request(script({ hold: "half", after: 1, text: "one two", chunk: 4 })))
    let seen = ""
    half.on("text", (text) => (seen += text))
    await until(() => seen === "one ")
    assert.strictEqual(model.requests()[0]?.answer.state, "open")
    model.open("before")
    await control("POST", "gates/half")
    assert.strictEqual(await started, "opened")
    await half.done()
    assert.strictEqual(seen, "one two")
  })

  it("asks for a key if it has one, and refuses what it does not know", async () => {
    const guarded = await startScriptedModel({ apiKey: "right", keep: 1 })
    const withKey = (apiKey: string) => new Anthropic({ baseURL: guarded.url, apiKey, maxRetries: 0 })
    assert.strictEqual(textOf(await withKey("right").messages.create(request("a"))), "You said: a (user turn 1)")
    const thrown = await failure(withKey("wrong").messages.create(request("a")))
    assert(thrown instanceof APIError && thrown.status === 401)
    assert.strictEqual(guarded.requests().length, 1)
    await guarded.stop()
    assert.strictEqual((await fetch(`${model.url}/v1/nothing`)).status, 404)
    assert.strictEqual((await fetch(model.url, { method: "HEAD" })).status, 200)
    const notJson = await fetch(`${model.url}/v1/messages`, { method: "POST", body: "{" })
    assert.strictEqual(notJson.status, 400)
  })
})
