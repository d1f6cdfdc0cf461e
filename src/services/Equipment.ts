import { Context, Effect, Layer } from "effect"
import { type AgentEquipment, noEquipment } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import { makeImages } from "./Images.ts"
import { makeMcpEquipment } from "./McpEquipment.ts"
import type { EquipmentFailure, RunRequest } from "./RunRequest.ts"
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
      const findMcpServers = yield* makeMcpEquipment
      const loadImages = yield* makeImages
      const presets = yield* ToolPresets

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

      return Equipment.of({
        assemble: Effect.fn("Equipment.assemble")(function* (principal, asked) {
          const options = yield* withPreset(principal, asked.options)
          return {
            request: { ...asked, options },
            equipment: {
              ...noEquipment,
              subagents: options.agents ?? {},
              mcpServers: yield* findMcpServers(principal, asked.mcp_servers),
              images: yield* loadImages(asked.images)
            }
          }
        })
      })
    })
  )
}
