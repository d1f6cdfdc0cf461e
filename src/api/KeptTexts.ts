import { Schema } from "effect"
import { keptTextContentFields, TextSource } from "../domain/KeptText.ts"
import { ProjectId } from "../domain/Project.ts"

/** The body of a request that makes or replaces a skill or a slash command. */
export const keptTextContent = <const Fields extends Schema.Struct.Fields = {}>(
  identifier: string,
  fields: Fields = {} as Fields
) => Schema.Struct({ ...keptTextContentFields, ...fields }).annotate({ identifier })

/** Whose workspace files are looked for in. */
export const workspaceFilter = {
  /** Files of this project's workspace; those of the tenant's own directory when absent. */
  project_id: Schema.optionalKey(ProjectId)
} as const

/** Which skills or slash commands a list shows. */
export const keptTextFilter = { source: Schema.optionalKey(TextSource), ...workspaceFilter } as const
