import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { AgentProcess } from "../../src/agent/AgentProcess.ts"
import { bench, collectUntil, completed, run, scripted, start, usage } from "./Agents.ts"
import { processesOf, until } from "./Processes.ts"

const slowText = { text: "word ".repeat(400), every: 50, usage }
const sleeping = (marker: string) => ({
  tool: "Bash",
  input: { command: `touch ${marker}; sleep 300`, description: "wait" }
})

it.live("an interrupt ends a text at once, keeps what was said for later, and tells what it cost", () =>
  Effect.gen(function* () {
    const { settings, turn, directory, model } = yield* bench
    const first = turn(scripted("Tell me much.", slowText), { options: { include_partial_messages: true } })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const agent = yield* start(settings, first)
        const { events, fiber } = yield* collectUntil(agent, ({ event }) => event === "partial")
        yield* agent.interrupt
        yield* Fiber.join(fiber)
        const end = events.at(-1)
        assert.strictEqual(end?.event === "end" && end.outcome._tag, "Interrupted")
        assert.isNotNull(end?.event === "end" && end.outcome._tag === "Interrupted" && end.outcome.result.num_turns)
        assert.deepStrictEqual(processesOf(directory), [])
        yield* agent.interrupt
      })
    )
    assert.strictEqual(model.requests()[0]?.answer.state, "closed")
    const again = { ...first, beginning: { _tag: "Resume" } as const, prompt: scripted("Go on.", { recall: true }) }
    assert.include(completed((yield* run(settings, again)).outcome).result ?? "", "Tell me much.")
  })
)

it.live("an interrupt ends a running tool", () =>
  Effect.gen(function* () {
    const { settings, turn, directory, cwd } = yield* bench
    const marker = join(cwd, "started")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const agent = yield* start(
          settings,
          turn(scripted("Wait.", sleeping(marker)), { options: { allowed_tools: ["Bash"] } })
        )
        const { events, fiber } = yield* collectUntil(agent, ({ event }) => event === "message")
        yield* until(() => existsSync(marker))
        yield* agent.interrupt
        yield* Fiber.join(fiber)
        const end = events.at(-1)
        assert.strictEqual(end?.event === "end" && end.outcome._tag, "Interrupted")
        assert.deepStrictEqual(processesOf(directory), [])
      })
    )
  })
)

it.live("an interrupt before the agent is ready ends it too", () =>
  Effect.gen(function* () {
    const { settings, turn, directory } = yield* bench
    yield* Effect.scoped(
      Effect.gen(function* () {
        const agent = yield* start(settings, turn(scripted("Tell me much.", slowText)))
        yield* agent.interrupt
        const { events, fiber } = yield* collectUntil(agent, ({ event }) => event === "end")
        yield* Fiber.join(fiber)
        const end = events.at(-1)
        assert.strictEqual(end?.event === "end" && end.outcome._tag, "Interrupted")
        assert.deepStrictEqual(processesOf(directory), [])
      })
    )
  })
)

it.live("a closed scope leaves no process and no file, whatever the agent was at", () =>
  Effect.gen(function* () {
    const { settings, turn, directory, cwd } = yield* bench
    const marker = join(cwd, "started")
    const scope = yield* Scope.make()
    const agent = yield* Scope.provide(
      start(settings, turn(scripted("Wait.", sleeping(marker)), { options: { allowed_tools: ["Bash"] } })),
      scope
    )
    yield* collectUntil(agent, ({ event }) => event === "message")
    yield* until(() => existsSync(marker))
    assert.isNotEmpty(processesOf(directory))
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(processesOf(directory), [])
    assert.deepStrictEqual(
      readdirSync(join(directory, "turns")).flatMap((owner) => readdirSync(join(directory, "turns", owner))),
      []
    )
  })
)

it.live("a frozen agent does nothing, a thawed one goes on", () =>
  Effect.gen(function* () {
    const { settings, turn, directory } = yield* bench
    yield* Effect.scoped(
      Effect.gen(function* () {
        const agent = yield* start(
          settings,
          turn(scripted("Count.", { text: "word ".repeat(40), chunk: 5, every: 20 }), {
            options: { include_partial_messages: true }
          })
        )
        const { events, fiber } = yield* collectUntil(agent, ({ event }) => event === "partial")
        yield* agent.freeze
        assert.isNotEmpty(processesOf(directory))
        for (const { state } of processesOf(directory)) assert.strictEqual(state, "T")
        yield* Effect.sleep(300)
        const seen = events.length
        yield* Effect.sleep(500)
        assert.strictEqual(events.length, seen)
        yield* agent.thaw
        yield* Fiber.join(fiber)
        const end = events.at(-1)
        assert.strictEqual(end?.event === "end" && end.outcome._tag, "Completed")
      })
    )
  })
)

it.live("without a namespace of its own an agent's tree is found and ended too, also what had detached itself", () =>
  Effect.gen(function* () {
    const { cwd } = yield* bench
    const mark = `CLAUDE_CONFIG_DIR=${cwd}`
    const script = "(setsid sleep 300 &) ; setsid sh -c 'sleep 300' & sleep 300"
    const env = { PATH: process.env["PATH"], CLAUDE_CONFIG_DIR: cwd }
    const agent = new AgentProcess(
      { command: "sh", args: ["-c", script], cwd, env },
      { wrap: [], complete: false },
      mark
    )
    yield* until(() => processesOf(cwd).filter(({ command }) => command === "sleep 300").length === 3)
    yield* Effect.promise(() => agent.freeze())
    for (const { state } of processesOf(cwd)) assert.strictEqual(state, "T")
    agent.kill()
    yield* Effect.promise(() => agent.gone())
    assert.deepStrictEqual(processesOf(cwd), [])
  })
)
