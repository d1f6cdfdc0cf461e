import type { AgentDefinition } from "./AgentDefinition.ts"

/** A text that agents find under a name: a skill, or what a slash command stands for. */
export interface NamedText {
  readonly name: string
  readonly description: string
  readonly content: string
}

/** What an agent gets for a run beside its prompt, its model and its tools. */
export interface AgentEquipment {
  /** Whom it can have work done by, by name. Their skills are names in `skills`. */
  readonly subagents: Readonly<Record<string, AgentDefinition>>
  /** Its own and its subagents' skills. */
  readonly skills: ReadonlyArray<NamedText>
  /** The names of those that are its own; the others exist for subagents alone. */
  readonly ownSkills: ReadonlyArray<string>
  readonly commands: ReadonlyArray<NamedText>
}

/** An agent that has nothing but its tools. */
export const noEquipment: AgentEquipment = { subagents: {}, skills: [], ownSkills: [], commands: [] }
