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

/** No such project, or another tenant's. */
export class ProjectNotFound extends Schema.TaggedError<ProjectNotFound>()("ProjectNotFound", {
  project_id: Schema.String
}) {
  override get message() {
    return "There is no such project."
  }
}

/** Another project of the tenant has this name or this workspace. */
export class ProjectExists extends Schema.TaggedError<ProjectExists>()("ProjectExists", {
  project_name: Schema.String
}) {
  override get message() {
    return "A project with this name or this workspace exists."
  }
}
