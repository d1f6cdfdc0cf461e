import { Schema } from "effect"
import { Moment } from "./Moment.ts"
import { ResourceName } from "./ResourceName.ts"

/** Identifies a project. */
export const ProjectId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("ProjectId"))
export type ProjectId = typeof ProjectId.Type

/** A client's own notes on a project: any JSON object. */
const ProjectMetadata = Schema.Record(Schema.String, Schema.Json)

/** A project to be made. */
export const NewProject = Schema.Struct({
  name: ResourceName,
  /** Its workspace, inside the workspace roots; relative paths start at the tenant's own directory. Its name when absent. */
  path: Schema.optionalKey(
    Schema.String.check(
      Schema.isMinLength(1),
      Schema.isMaxLength(4096),
      Schema.isPattern(/^\P{Cc}*$/u, { message: "must not contain control characters" })
    )
  ),
  metadata: Schema.optionalKey(ProjectMetadata)
}).annotate({ identifier: "NewProject" })
export type NewProject = typeof NewProject.Type

/** What may be changed of a project; what is absent stays. */
export const ProjectChange = Schema.Struct({
  name: Schema.optionalKey(ResourceName),
  metadata: Schema.optionalKey(ProjectMetadata)
}).annotate({ identifier: "ProjectChange" })
export type ProjectChange = typeof ProjectChange.Type

/** A name for a workspace, in which sessions take place. */
export class Project extends Schema.Class<Project>("Project")({
  id: ProjectId,
  name: Schema.String,
  /** Relative to the tenant's own directory where it lies in that; else as it was given. */
  path: Schema.String,
  metadata: ProjectMetadata,
  created_at: Moment,
  updated_at: Moment
}) {}
