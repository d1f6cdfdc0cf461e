import { Effect } from "effect"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import type { AgentEquipment, NamedText } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { SkillNotFound } from "../domain/errors/ResourceErrors.ts"
import type { Skill } from "../domain/Skill.ts"
import { isCommand } from "./CommandExpansion.ts"
import type { RequestedAgents } from "./RequestedAgents.ts"
import type { Destination, RunRequest } from "./RunRequest.ts"
import { Sessions } from "./Sessions.ts"
import { Skills } from "./Skills.ts"
import { SlashCommands } from "./SlashCommands.ts"

/** What of an agent's equipment is text, and what of its prompt may stand for another. */
export interface TextEquipment extends Pick<AgentEquipment, "skills" | "ownSkills" | "commands" | "subagents"> {
  /** The commands that the prompt may be. */
  readonly promptCommands: ReadonlyArray<NamedText>
}

const textOf = ({ content, description, name }: NamedText): NamedText => ({ name, description, content })

const skillNamed = (skills: ReadonlyArray<Skill>, reference: string): Effect.Effect<Skill, SkillNotFound> => {
  const found = skills.find(({ id, name }) => id === reference || name === reference)
  return found === undefined ? Effect.fail(new SkillNotFound({ skill_id: reference })) : Effect.succeed(found)
}

/** The same agent, with names in the place of ids of skills. */
const withSkillNames = Effect.fnUntraced(function* (agent: AgentDefinition, available: ReadonlyArray<Skill>) {
  if (agent.skills == null) return agent
  const skills = yield* Effect.forEach(agent.skills, (reference) => skillNamed(available, reference))
  return { ...agent, skills: skills.map(({ name }) => name) }
})

/** Makes what finds the skills and slash commands of a run. */
export const makeTextEquipment = Effect.gen(function* () {
  const sessions = yield* Sessions
  const skills = yield* Skills
  const commands = yield* SlashCommands

  const projectOf = Effect.fnUntraced(function* (principal: Principal, destination: Destination) {
    if (destination._tag === "NewSession") return destination.project_id ?? undefined
    const session = yield* sessions.get(principal, destination._tag === "Fork" ? destination.of : destination.id)
    return session.project_id ?? undefined
  })

  return Effect.fn("TextEquipment.find")(function* (
    principal: Principal,
    { destination, prompt }: Pick<RunRequest, "destination" | "prompt">,
    { options, subagents: asked }: Pick<RequestedAgents, "options" | "subagents">
  ) {
    // Whoever says which tools there are gets no others, unless by name.
    const offered = options.tools === undefined
    const wantsSkills =
      offered || options.skills !== undefined || Object.values(asked).some((agent) => agent.skills != null)
    const wantsCommands = offered || isCommand(prompt)
    const project = wantsSkills || wantsCommands ? yield* projectOf(principal, destination) : undefined
    const [availableSkills, availableCommands] = yield* Effect.all(
      [
        wantsSkills ? skills.available(principal, project) : Effect.succeed([]),
        wantsCommands ? commands.available(principal, project) : Effect.succeed([])
      ],
      { concurrency: 2 }
    )
    const own =
      options.skills === undefined
        ? offered
          ? availableSkills
          : []
        : yield* Effect.forEach(options.skills, (reference) => skillNamed(availableSkills, reference))
    const ownSkills = own.map(({ name }) => name)
    const subagents: Record<string, AgentDefinition> = {}
    for (const [name, agent] of Object.entries(asked)) {
      subagents[name] = yield* withSkillNames(agent, availableSkills)
    }
    const needed = new Set([...ownSkills, ...Object.values(subagents).flatMap((agent) => agent.skills ?? [])])
    const promptCommands = availableCommands.map(textOf)
    const found: TextEquipment = {
      subagents,
      skills: availableSkills.filter(({ name }) => needed.has(name)).map(textOf),
      ownSkills,
      commands: offered ? promptCommands : [],
      promptCommands
    }
    return found
  })
})
