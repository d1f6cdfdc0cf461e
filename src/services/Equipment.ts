import { Context, Effect, Layer, Option } from "effect"
import type { AgentEquipment, NamedText } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import { Settings } from "../domain/Settings.ts"
import { expandCommand } from "./CommandExpansion.ts"
import { makeImages } from "./Images.ts"
import { makeMcpEquipment } from "./McpEquipment.ts"
import { makeRequestedAgents } from "./RequestedAgents.ts"
import type { EquipmentFailure, RunRequest } from "./RunRequest.ts"
import { makeTextEquipment } from "./TextEquipment.ts"
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

/** Both lists, each rule once. */
const joined = (some: ReadonlyArray<string>, others: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...new Set([...some, ...others])
]

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
      const presets = yield* ToolPresets
      const findAgents = yield* makeRequestedAgents
      const findTexts = yield* makeTextEquipment
      const findMcpServers = yield* makeMcpEquipment
      const loadImages = yield* makeImages

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

      const badPrompt = (message: string) => new ValidationFailed({ issues: [{ path: "body.prompt", message }] })

      const expanded = Effect.fnUntraced(function* (prompt: string, available: ReadonlyArray<NamedText>) {
        const expansion = expandCommand(prompt, available)
        if (Option.isNone(expansion)) return prompt
        const { length, text } = expansion.value
        if (length > maxPromptLength) return yield* badPrompt(`May stand for at most ${maxPromptLength} characters`)
        const whole = text()
        return whole.trim() === "" ? yield* badPrompt("Stands for nothing without arguments") : whole
      })

      const assemble = Effect.fn("Equipment.assemble")(function* (principal: Principal, asked: RunRequest) {
        const agents = yield* findAgents(principal, asked.options)
        const options = yield* withPreset(principal, agents.options)
        const { promptCommands, subagents: called, ...texts } = yield* findTexts(principal, asked, agents)
        const { subagents, ...mcp } = yield* findMcpServers(principal, {
          requested: asked.mcp_servers,
          leader: agents.mcpServers,
          subagents: called
        })
        const prompt = yield* expanded(asked.prompt, promptCommands)
        const images = yield* loadImages(asked.images)
        return {
          request: { ...asked, options: { ...options, agents: agents.subagents }, prompt },
          equipment: { ...texts, ...mcp, subagents, images }
        }
      })

      return Equipment.of({ assemble })
    })
  )
}
