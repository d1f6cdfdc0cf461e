import { Schema } from "effect"

/** A tenant has as many of these as it may. */
export class ResourceLimitReached extends Schema.TaggedError<ResourceLimitReached>()("ResourceLimitReached", {
  resource: Schema.String,
  limit: Schema.Int
}) {
  override get message() {
    return `There are ${this.limit} already: delete a ${this.resource} first.`
  }
}

/** No such tool preset, or another tenant's. */
export class ToolPresetNotFound extends Schema.TaggedError<ToolPresetNotFound>()("ToolPresetNotFound", {
  /** Its id or its name, as the request has it. */
  preset_id: Schema.String
}) {
  override get message() {
    return "There is no such tool preset."
  }
}
