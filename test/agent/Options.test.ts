import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bench, completed, run, scripted, systemOf } from "./Agents.ts"

it.live("what a request asks for reaches the model", () =>
  Effect.gen(function* () {
    const { settings, turn, model } = yield* bench
    const { events } = yield* run(
      settings,
      turn(scripted("Say.", { text: "Said." }), {
        model: "claude-sonnet-5",
        additions: ["Remember the milk."],
        options: {
          system_prompt: "You are a poet.",
          system_prompt_append: "You rhyme.",
          tools: ["Read", "Bash"],
          effort: "low"
        }
      })
    )
    const [request] = model.requests()
    const body = JSON.stringify(request?.body)
    assert.strictEqual(request?.model, "claude-sonnet-5")
    for (const text of ["You are a poet.", "You rhyme.", "Remember the milk."]) assert.include(systemOf(request), text)
    assert.include(body, `"effort":"low"`)
    const [first] = events
    assert.deepStrictEqual(first?.event === "init" ? first.data.tools.toSorted() : [], ["Bash", "Read"])
    assert.notInclude(body, `"name":"Write"`)
  })
)

it.live("thinking has the budget that was asked for, from a model that knows budgets", () =>
  Effect.gen(function* () {
    const { settings, turn, model } = yield* bench
    const thinking = { type: "enabled", budget_tokens: 2000 } as const
    yield* run(settings, turn("Think.", { model: "claude-haiku-4-5", options: { thinking } }))
    assert.include(JSON.stringify(model.requests()[0]?.body), `"budget_tokens":2000`)
  })
)

it.live("a prompt is data: it reads no file and runs no command, unless it may", () =>
  Effect.gen(function* () {
    const { settings, turn, model, cwd } = yield* bench
    writeFileSync(join(cwd, "secret.txt"), "the secret is 42")
    const prompt = "/clear @secret.txt what is in it?"
    yield* run(settings, turn(prompt))
    assert.include(JSON.stringify(model.requests()[0]?.body), prompt)
    assert.notInclude(JSON.stringify(model.requests()[0]?.body), "the secret is 42")
    model.clear()
    yield* run(settings, turn("@secret.txt what is in it?", { options: { expand_prompt: true } }))
    assert.include(JSON.stringify(model.requests()[0]?.body), "the secret is 42")
  })
)

it.live("what nobody allowed is denied at once", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const target = join(cwd, "file.txt")
    const { events, outcome } = yield* run(
      settings,
      turn(scripted("Write.", { tool: "Write", input: { file_path: target, content: "x" } }, { text: "No." }), {
        permissionMode: "default"
      })
    )
    const denied = events.find(({ event }) => event === "permission_denied")
    assert.strictEqual(denied?.event === "permission_denied" && denied.data.tool_name, "Write")
    assert.strictEqual(completed(outcome).permission_denials[0]?.tool_name, "Write")
    assert.isFalse(existsSync(target))
  })
)

it.live("bypassing permissions works for who may, also as root", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const target = join(cwd, "file.txt")
    const prompt = scripted("Write.", { tool: "Bash", input: { command: `printf x > ${target}` } }, { text: "Yes." })
    const bypass = { permissionMode: "bypassPermissions" } as const
    const { outcome } = yield* run(settings, turn(prompt, { ...bypass, mayBypassPermissions: true }))
    assert.strictEqual(completed(outcome).result, "Yes.")
    assert.isTrue(existsSync(target))
  })
)

it.live("an agent's tools see only the environment that they are given", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    process.env["CAUSEWAY_SECRET"] = "hidden"
    const { events } = yield* run(
      settings,
      turn(scripted("Look.", { tool: "Bash", input: { command: "env" } }, { text: "Seen." }), {
        options: { allowed_tools: ["Bash"], env: { GREETING: "hello", LD_PRELOAD: "/x", OTHER: "y" } },
        cwd
      })
    )
    const seen = JSON.stringify(events)
    assert.include(seen, "GREETING=hello")
    for (const name of ["CAUSEWAY_SECRET", "LD_PRELOAD", "OTHER=y"]) assert.notInclude(seen, name)
  })
)

it.live("partial messages come only where they were asked for, and add up to the message", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const prompt = scripted("Count.", { thinking: "Let me see.", text: "one two three four", chunk: 4 })
    const asked = yield* run(settings, turn(prompt, { options: { include_partial_messages: true } }))
    const text = asked.events
      .map((event) => (event.event === "partial" ? String(event.data.delta?.["text"] ?? "") : ""))
      .join("")
    assert.strictEqual(text, "one two three four")
    const unasked = yield* run(settings, turn(prompt))
    assert.isFalse(unasked.events.some(({ event }) => event === "partial"))
  })
)

it.live("a subagent works in the foreground, and its turn has one result", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const { events, outcome } = yield* run(
      settings,
      turn(
        scripted(
          "Delegate.",
          {
            tool: "Agent",
            input: {
              description: "help",
              prompt: scripted("Help.", { tool: "Bash", input: { command: "echo helped" } }, { text: "Helped." }),
              subagent_type: "general-purpose"
            }
          },
          { text: "Done." }
        )
      )
    )
    assert.strictEqual(completed(outcome).result, "Done.")
    assert.isTrue(events.some((event) => event.event === "message" && event.data.parent_tool_use_id !== null))
  })
)
