import { Context, Effect, Layer, Option } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { ToolPresetNotFound } from "../domain/errors/ResourceErrors.ts"
import type { ToolPreset, ToolPresetContent } from "../domain/ToolPreset.ts"
import { ToolPresetRepository } from "../storage/ToolPresetRepository.ts"
import { makeNamedResources, type NamedResources } from "./NamedResources.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** Lists of rules about tools that a tenant keeps. */
export class ToolPresets extends Context.Service<
  ToolPresets,
  NamedResources<ToolPreset, ToolPresetContent, ToolPresetNotFound> & {
    /** The one that counts for requests that name none, if there is one. */
    default(principal: Principal): Effect.Effect<ToolPreset | null, ReadFailure>
  }
>()("causeway/services/ToolPresets") {
  static readonly layer = Layer.effect(
    ToolPresets,
    Effect.gen(function* () {
      const repository = yield* ToolPresetRepository
      const resources = yield* makeNamedResources(repository, (preset_id) => new ToolPresetNotFound({ preset_id }))
      return ToolPresets.of({
        ...resources,
        default: ({ tenant_id }) => Effect.map(asRead(repository.findDefault(tenant_id)), Option.getOrNull)
      })
    })
  )
}
