import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { bench, completed, memoryTranscript, newSessionId, run, scripted, systemOf, usage } from "./Agents.ts"

it.live("a turn works with tools, and says what it did and cost", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd, model, directory } = yield* bench
    const file = join(cwd, "note.txt")
    const { events, outcome } = yield* run(
      settings,
      turn(
        scripted(
          "Write and read.",
          { tool: "Write", input: { file_path: file, content: "hello" }, usage },
          { tool: "Read", input: { file_path: file }, usage },
          { text: "Done.", usage }
        )
      )
    )
    const result = completed(outcome)
    assert.strictEqual(result.result, "Done.")
    assert.strictEqual(result.num_turns, 3)
    assert.isAbove(result.total_cost_usd ?? 0, 0)
    assert.strictEqual(readFileSync(file, "utf8"), "hello")
    assert.deepStrictEqual(
      events.map(({ event }) => event),
      ["init", "message", "message", "message", "message", "message", "end"]
    )
    assert.strictEqual(model.requests().filter(({ kind }) => kind !== "other").length, 3)
    assert.deepStrictEqual(
      readdirSync(join(directory, "turns")).flatMap((owner) => readdirSync(join(directory, "turns", owner))),
      []
    )
  })
)

it.live("a session goes on in a process that knows nothing, each turn paying for itself", () =>
  Effect.gen(function* () {
    const { settings, turn, model, directory } = yield* bench
    const first = turn(scripted("My name is Ada.", { text: "Hello Ada.", usage }), { additions: ["Speak softly."] })
    const one = completed((yield* run(settings, first)).outcome)
    const second = {
      ...first,
      beginning: { _tag: "Resume" } as const,
      prompt: scripted("Who am I?", { recall: true, usage }),
      additions: ["Speak loudly."]
    }
    const elsewhere = { ...settings, directory: `${directory}-elsewhere` }
    const two = completed((yield* run(elsewhere, second)).outcome)
    assert.include(two.result ?? "", "My name is Ada.")
    assert.isBelow(two.total_cost_usd ?? 1, (one.total_cost_usd ?? 0) * 1.5)
    const [before, after] = model.requests()
    assert.include(systemOf(before), "Speak softly.")
    assert.include(systemOf(after), "Speak loudly.")
    assert.notInclude(systemOf(after), "Speak softly.")

    const forked = memoryTranscript()
    const fork = {
      ...turn(scripted("And I?", { recall: true, usage }), { transcript: forked, sessionId: newSessionId() }),
      beginning: { _tag: "Fork", from: first.sessionId, transcript: first.transcript } as const
    }
    const three = completed((yield* run(settings, fork)).outcome)
    assert.include(three.result ?? "", "Who am I?")
    assert.isBelow(three.total_cost_usd ?? 1, (one.total_cost_usd ?? 0) * 1.5)
    const four = completed(
      (yield* run(settings, {
        ...fork,
        beginning: { _tag: "Resume" } as const,
        prompt: scripted("Go on.", { recall: true, usage })
      })).outcome
    )
    assert.include(four.result ?? "", "My name is Ada.")
    assert.include(four.result ?? "", "And I?")
    assert.isBelow(four.total_cost_usd ?? 1, (one.total_cost_usd ?? 0) * 1.5)
    assert.isFalse(existsSync(join("/tmp", `claude-resume-${first.sessionId}`)))
  })
)
