import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { ToolPresets } from "../services/ToolPresets.ts"
import { namedResourceHandlers } from "./NamedResources.ts"

/** Answers the endpoints of tool presets. */
export const ToolPresetsHandlers = HttpApiBuilder.group(
  Api,
  "toolPresets",
  Effect.fn(function* (handlers) {
    const presets = namedResourceHandlers(yield* ToolPresets)
    return handlers
      .handle("create", presets.create)
      .handle("list", ({ query }) => Effect.map(presets.list(query), ({ end, items }) => ({ presets: items, ...end })))
      .handle("get", presets.get)
      .handle("update", presets.update)
      .handle("delete", presets.delete)
  })
)
