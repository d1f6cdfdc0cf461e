import { Context, Layer } from "effect"
import { type NewProject, Project, type ProjectChange } from "../domain/Project.ts"
import { makeNamedRecords, type NamedRecords } from "./NamedRecords.ts"
import { json, storable } from "./Parameters.ts"

/** Projects in PostgreSQL. */
export class ProjectRepository extends Context.Service<
  ProjectRepository,
  NamedRecords<Project, NewProject, ProjectChange>
>()("causeway/storage/ProjectRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    ProjectRepository,
    makeNamedRecords({
      repository: "ProjectRepository",
      table: "projects",
      resource: "project",
      item: Project,
      columns: Object.keys(Project.fields).join(", "),
      most: 1000,
      toRow: ({ metadata = {}, name, path = name }: NewProject) => ({
        name,
        path: storable(path),
        metadata: json(metadata)
      }),
      toChange: ({ metadata, name }: ProjectChange) => ({
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata: json(metadata) })
      })
    })
  )
}
