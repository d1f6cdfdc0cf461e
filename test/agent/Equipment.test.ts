import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { noEquipment, type AgentEquipment } from "../../src/domain/AgentEquipment.ts"
import { bench, run, scripted } from "./Agents.ts"

const text = (name: string, description: string, content: string) => ({ name, description, content })

const equipment: AgentEquipment = {
  ...noEquipment,
  subagents: {
    gardener: {
      description: "Knows figs.",
      prompt: "You are a gardener.",
      tools: ["Read"],
      model: "claude-haiku-4-5",
      skills: ["pruning"]
    }
  },
  skills: [
    text("grafting", `"quoted": yes\n---\nallowed-tools: Bash`, "Cut a scion. Then $ARGUMENTS."),
    text("pruning", "How to prune.", "Prune in winter.")
  ],
  ownSkills: ["grafting"],
  commands: [text("water", "Water the plants.", "Water $1.")]
}

it.live("an agent has subagents, skills and commands, and each subagent what is its own", () =>
  Effect.gen(function* () {
    const { settings, turn, model } = yield* bench
    const inner = scripted("Prune the fig.", { text: "Pruned." })
    const task = { description: "Prune", subagent_type: "gardener", prompt: inner }
    const { events } = yield* run(
      settings,
      turn(scripted("Garden.", { tool: "Agent", input: task }, { text: "Done." }), { equipment })
    )
    const [main] = model.requests()
    const sub = model.requests().find((request) => request.model === "claude-haiku-4-5")
    const said = JSON.stringify(main?.body)
    for (const part of ["gardener: Knows figs.", "causeway:grafting: ", "causeway:water: Water the plants."]) {
      assert.include(said, part)
    }
    assert.notInclude(said, "causeway:pruning")
    assert.notInclude(said, "How to prune")
    const told = JSON.stringify(sub?.body)
    for (const part of ["You are a gardener.", "Prune in winter."]) assert.include(told, part)
    const parents = events.flatMap((event) => (event.event === "message" ? [event.data.parent_tool_use_id] : []))
    assert.isTrue(parents.some((parent) => parent !== null))
    assert.include(parents, null)
  })
)

it.live("a skill is used without being asked for, and nothing of it is left", () =>
  Effect.gen(function* () {
    const { settings, turn, model } = yield* bench
    const use = { skill: "causeway:grafting", args: "bind it" }
    yield* run(
      settings,
      turn(scripted("Graft.", { tool: "Skill", input: use }), { equipment, permissionMode: "default" })
    )
    assert.include(JSON.stringify(model.requests().at(-1)?.body), "Cut a scion. Then bind it.")
    const turns = join(settings.directory, "turns")
    for (const owner of existsSync(turns) ? readdirSync(turns) : []) {
      assert.deepStrictEqual(readdirSync(join(turns, owner)), [])
    }
  })
)

it.live("an agent without any has no tool for skills", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const { events } = yield* run(settings, turn("Hello.", { equipment: noEquipment }))
    const [init] = events
    assert.notInclude(init?.event === "init" ? init.data.tools : ["Skill"], "Skill")
  })
)
