import { Context, Effect, Layer, Option, Schema } from "effect"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import type { AgentEquipment, NamedText } from "../domain/AgentEquipment.ts"
import { AgentReference, type Subagents } from "../domain/AgentReference.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { SkillNotFound } from "../domain/errors/ResourceErrors.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import { Settings } from "../domain/Settings.ts"
import type { Skill } from "../domain/Skill.ts"
import { Agents } from "./Agents.ts"
import { expandCommand, isCommand } from "./CommandExpansion.ts"
import { makeImages } from "./Images.ts"
import { makeMcpEquipment } from "./McpEquipment.ts"
import type { Destination, EquipmentFailure, RunRequest } from "./RunRequest.ts"
import { Sessions } from "./Sessions.ts"
import { Skills } from "./Skills.ts"
import { SlashCommands } from "./SlashCommands.ts"
import { ToolPresets } from "./ToolPresets.ts"

/** A request whose agent is equipped. */
export interface Equipped {
  /**
   * The request with everything that it named put in its place. It means the same on another instance, whatever has
   * been changed or deleted since.
   */
  readonly request: RunRequest
  readonly equipment: AgentEquipment
}

const isReference = Schema.is(AgentReference)

const isList = (agents: Subagents): agents is ReadonlyArray<string> => Array.isArray(agents)

/** Both lists, each rule once. */
const joined = (some: ReadonlyArray<string>, others: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...new Set([...some, ...others])
]

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

/** Gets together what a run's agent works with, before anything is written. */
export class Equipment extends Context.Service<
  Equipment,
  {
    assemble(principal: Principal, request: RunRequest): Effect.Effect<Equipped, EquipmentFailure>
  }
>()("causeway/services/Equipment") {
  static readonly layer = Layer.effect(
    Equipment,
    Effect.gen(function* () {
      const { maxPromptLength } = yield* Settings
      const sessions = yield* Sessions
      const agents = yield* Agents
      const findMcpServers = yield* makeMcpEquipment
      const loadImages = yield* makeImages
      const presets = yield* ToolPresets
      const skills = yield* Skills
      const commands = yield* SlashCommands

      const withPreset = Effect.fnUntraced(function* (principal: Principal, options: RunOptions) {
        if (options.tool_preset === null) return options
        const [preset] =
          options.tool_preset === undefined
            ? [yield* presets.default(principal)]
            : yield* presets.pick(principal, [options.tool_preset])
        if (preset == null) return { ...options, tool_preset: null }
        return {
          ...options,
          tool_preset: null,
          allowed_tools: joined(preset.allowed_tools, options.allowed_tools),
          disallowed_tools: joined(preset.disallowed_tools, options.disallowed_tools)
        }
      })

      /** What the leading agent says counts where the request says nothing. */
      const withAgent = Effect.fnUntraced(function* (principal: Principal, options: RunOptions) {
        const { agent, ...asked } = options
        if (agent === undefined) return asked
        const { model, prompt, skills, tools } = (yield* agents.resolve(principal, agent)).definition
        return {
          system_prompt: prompt,
          ...(model == null || model === "inherit" ? {} : { model }),
          ...(tools == null ? {} : { tools }),
          ...(skills == null ? {} : { skills }),
          ...asked
        }
      })

      const subagentsOf = Effect.fnUntraced(function* (principal: Principal, asked: Subagents) {
        const definitions: Record<string, AgentDefinition> = {}
        if (isList(asked)) {
          for (const reference of asked) {
            const { definition, name } = yield* agents.resolve(principal, reference)
            definitions[name] = definition
          }
          return definitions
        }
        for (const [name, agent] of Object.entries(asked)) {
          definitions[name] = isReference(agent) ? (yield* agents.resolve(principal, agent)).definition : agent
        }
        return definitions
      })

      const projectOf = Effect.fnUntraced(function* (principal: Principal, destination: Destination) {
        if (destination._tag === "NewSession") return destination.project_id ?? undefined
        const session = yield* sessions.get(principal, destination._tag === "Fork" ? destination.of : destination.id)
        return session.project_id ?? undefined
      })

      const expanded = (prompt: string, available: ReadonlyArray<NamedText>): Effect.Effect<string, ValidationFailed> =>
        Option.match(expandCommand(prompt, available), {
          onNone: () => Effect.succeed(prompt),
          onSome: ({ length, text }) =>
            length > maxPromptLength
              ? Effect.fail(
                  new ValidationFailed({
                    issues: [{ path: "body.prompt", message: `May stand for at most ${maxPromptLength} characters` }]
                  })
                )
              : Effect.sync(text)
        })

      const assemble = Effect.fn("Equipment.assemble")(function* (principal: Principal, asked: RunRequest) {
        const { agents: named = {}, ...led } = yield* withAgent(principal, asked.options)
        const definitions = yield* subagentsOf(principal, named)
        const options = { ...(yield* withPreset(principal, led)), agents: definitions }
        // Whoever says which tools there are gets no others, unless by name.
        const offered = options.tools === undefined
        const wantsSkills =
          offered || options.skills !== undefined || Object.values(definitions).some((agent) => agent.skills != null)
        const wantsCommands = offered || isCommand(asked.prompt)
        const project = wantsSkills || wantsCommands ? yield* projectOf(principal, asked.destination) : undefined
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
        for (const [name, agent] of Object.entries(definitions)) {
          subagents[name] = yield* withSkillNames(agent, availableSkills)
        }
        const needed = new Set([...ownSkills, ...Object.values(subagents).flatMap((agent) => agent.skills ?? [])])
        return {
          request: { ...asked, options, prompt: yield* expanded(asked.prompt, availableCommands) },
          equipment: {
            subagents,
            skills: availableSkills.filter(({ name }) => needed.has(name)).map(textOf),
            ownSkills,
            commands: offered ? availableCommands.map(textOf) : [],
            mcpServers: yield* findMcpServers(principal, asked.mcp_servers),
            images: yield* loadImages(asked.images)
          }
        }
      })

      return Equipment.of({ assemble })
    })
  )
}
