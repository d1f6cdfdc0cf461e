import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Option, Stream } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { AgentSettings, AgentTurn } from "../../src/agent/AgentRuntime.ts"
import type { SuspendedCall } from "../../src/domain/Agent.ts"
import { noEquipment } from "../../src/domain/AgentEquipment.ts"
import { bench, collect, completed, scripted, start } from "./Agents.ts"

/** Has an agent work until it asks, and kills it then. */
const killedWhenAsking = (settings: AgentSettings, turn: AgentTurn) =>
  Effect.gen(function* () {
    const agent = yield* start(settings, turn)
    const asked = yield* agent.events.pipe(
      Stream.filter((event) => event.event === "request"),
      Stream.runHead
    )
    yield* agent.abandon
    return Option.getOrThrow(asked).request
  }).pipe(Effect.scoped)

it.live("what a subagent asks survives its process more than once, and is then made once", () =>
  Effect.gen(function* () {
    const { cwd, settings, turn } = yield* bench
    const dig = { tool: "Bash", input: { command: "echo dug >> out.txt" } }
    const task = {
      description: "Dig",
      subagent_type: "digger",
      prompt: scripted("Dig.", dig, dig, dig, { text: "Dug." })
    }
    const first = turn(scripted("Work.", { tool: "Agent", input: task }, { text: "Done." }), {
      permissionMode: "default",
      options: { approvals: { mode: "ask" }, tools: ["Agent", "Bash"] },
      equipment: {
        ...noEquipment,
        subagents: { digger: { description: "Digs.", prompt: "Dig.", tools: ["Bash"] } }
      }
    })
    const asked = yield* killedWhenAsking(settings, first)
    assert.isFalse(asked.endsWithProcess)
    const suspended: SuspendedCall = asked
    const next: AgentTurn = { ...first, beginning: { _tag: "Continue", first: { _tag: "New" }, suspended } }

    // The next one has it made again, and dies before it hears what was decided.
    assert.strictEqual((yield* killedWhenAsking(settings, next)).tool_use_id, asked.tool_use_id)

    const agent = yield* start(settings, next)
    const decided = agent.events.pipe(
      Stream.tap((event) =>
        event.event === "request"
          ? Deferred.succeed(event.decision, { behavior: "allow", input: event.request.input })
          : Effect.void
      )
    )
    const { events, outcome } = yield* collect({ ...agent, events: decided })
    assert.strictEqual(completed(outcome).result, "Done.")
    assert.strictEqual(readFileSync(join(cwd, "out.txt"), "utf8"), "dug\n")
    const requests = events.filter(({ event }) => event === "request")
    assert.deepStrictEqual(
      requests.map((event) => event.event === "request" && event.request.tool_use_id),
      [asked.tool_use_id]
    )
    assert.strictEqual(events[0]?.event, "init")
    assert.isEmpty(events.filter(({ event }) => event === "request_withdrawn"))
  }).pipe(Effect.scoped)
)
