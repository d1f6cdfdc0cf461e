import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Projects } from "../services/Projects.ts"
import { namedResourceHandlers } from "./NamedResources.ts"

/** Answers the endpoints of projects. */
export const ProjectsHandlers = HttpApiBuilder.group(
  Api,
  "projects",
  Effect.fn(function* (handlers) {
    const projects = namedResourceHandlers(yield* Projects)
    return handlers
      .handle("create", projects.create)
      .handle("list", ({ query }) =>
        Effect.map(projects.list(query), ({ end, items }) => ({ projects: items, ...end }))
      )
      .handle("get", projects.get)
      .handle("update", projects.update)
      .handle("delete", projects.delete)
  })
)
