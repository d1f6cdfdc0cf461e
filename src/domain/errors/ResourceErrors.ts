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

/** No such skill, or another tenant's. */
export class SkillNotFound extends Schema.TaggedError<SkillNotFound>()("SkillNotFound", {
  /** Its id or its name, as the request has it. */
  skill_id: Schema.String
}) {
  override get message() {
    return "There is no such skill."
  }
}

/** The skill is a file of a workspace, which only agents and people at the files change. */
export class SkillReadonly extends Schema.TaggedError<SkillReadonly>()("SkillReadonly", {
  skill_id: Schema.String
}) {
  override get message() {
    return "This skill is a file in a workspace and can only be read here."
  }
}

/** No such slash command, or another tenant's. */
export class SlashCommandNotFound extends Schema.TaggedError<SlashCommandNotFound>()("SlashCommandNotFound", {
  /** Its id or its name, as the request has it. */
  slash_command_id: Schema.String
}) {
  override get message() {
    return "There is no such slash command."
  }
}

/** The slash command is a file of a workspace, which only agents and people at the files change. */
export class SlashCommandReadonly extends Schema.TaggedError<SlashCommandReadonly>()("SlashCommandReadonly", {
  slash_command_id: Schema.String
}) {
  override get message() {
    return "This slash command is a file in a workspace and can only be read here."
  }
}

/** No such agent or no such version of it, or another tenant's. */
export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()("AgentNotFound", {
  /** Its id or its name, as the request has it. */
  agent_id: Schema.String
}) {
  override get message() {
    return "There is no such agent."
  }
}

/** The agent has changed since the client saw it. */
export class AgentVersionConflict extends Schema.TaggedError<AgentVersionConflict>()("AgentVersionConflict", {
  agent_id: Schema.String,
  latest_version: Schema.Int
}) {
  override get message() {
    return `The agent's latest version is ${this.latest_version}.`
  }
}

/** No share of an agent has this token or id, or not any more. */
export class AgentShareNotFound extends Schema.TaggedError<AgentShareNotFound>()("AgentShareNotFound", {}) {
  override get message() {
    return "There is no such share, or not any more."
  }
}
