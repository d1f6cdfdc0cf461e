import { Context, Effect, Layer, Option } from "effect"
import { Workspaces } from "../agent/Workspaces.ts"
import type { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ProjectExists, ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import type { NewProject, Project, ProjectChange } from "../domain/Project.ts"
import { ProjectRepository } from "../storage/ProjectRepository.ts"
import { makeNamedResources, type NamedResources } from "./NamedResources.ts"
import { Sessions } from "./Sessions.ts"

/** How many sessions of a project that is deleted are forgotten at once. */
const forgottenAtOnce = 32

/** Names that a tenant has given to workspaces. A project that is deleted leaves its workspace and its sessions. */
export class Projects extends Context.Service<
  Projects,
  NamedResources<Project, NewProject, ProjectNotFound, ProjectExists | ValidationFailed, ProjectChange>
>()("causeway/services/Projects") {
  static readonly layer = Layer.effect(
    Projects,
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const sessions = yield* Sessions
      const repository = yield* ProjectRepository
      const resources = yield* makeNamedResources(
        {
          ...repository,
          delete: Effect.fnUntraced(function* (tenant, id) {
            const left = yield* repository.delete(tenant, id)
            const changed = Option.getOrElse(left, () => [])
            yield* Effect.forEach(changed, (session) => sessions.touch(tenant, session), {
              concurrency: forgottenAtOnce,
              discard: true
            })
            return Option.isSome(left)
          })
        },
        (project_id) => new ProjectNotFound({ project_id })
      )
      const taken = (name: string | undefined) => () => Effect.fail(new ProjectExists({ project_name: name ?? "" }))
      return Projects.of({
        ...resources,
        create: Effect.fn("Projects.create")(function* (principal, project) {
          const path = yield* workspaces.spell(principal.tenant_id, "body.path", project.path ?? project.name)
          return yield* resources
            .create(principal, { ...project, path })
            .pipe(Effect.catchTag("AlreadyExists", taken(project.name)))
        }),
        update: Effect.fn("Projects.update")((principal, id, change) =>
          resources.update(principal, id, change).pipe(Effect.catchTag("AlreadyExists", taken(change.name)))
        )
      })
    })
  )
}
