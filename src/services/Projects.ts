import { Context, Effect, Layer } from "effect"
import { Workspaces } from "../agent/Workspaces.ts"
import type { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ProjectExists, ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import type { NewProject, Project, ProjectChange } from "../domain/Project.ts"
import { ProjectRepository } from "../storage/ProjectRepository.ts"
import { makeNamedResources, type NamedResources } from "./NamedResources.ts"

/** Names that a tenant has given to workspaces. A project that is deleted leaves its workspace and its sessions. */
export class Projects extends Context.Service<
  Projects,
  NamedResources<Project, NewProject, ProjectNotFound, ProjectExists | ValidationFailed, ProjectChange>
>()("causeway/services/Projects") {
  static readonly layer = Layer.effect(
    Projects,
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const resources = yield* makeNamedResources(
        yield* ProjectRepository,
        (project_id) => new ProjectNotFound({ project_id })
      )
      const taken = (name: string | undefined) => () => Effect.fail(new ProjectExists({ project_name: name ?? "" }))
      return Projects.of({
        ...resources,
        create: Effect.fn("Projects.create")(function* (principal, project) {
          yield* workspaces.check(principal.tenant_id, "body.path", project.path ?? project.name)
          return yield* resources.create(principal, project).pipe(Effect.catchTag("AlreadyExists", taken(project.name)))
        }),
        update: Effect.fn("Projects.update")((principal, id, change) =>
          resources.update(principal, id, change).pipe(Effect.catchTag("AlreadyExists", taken(change.name)))
        )
      })
    })
  )
}
