// An endpoint can fail only with what it declares.
import { Effect } from "effect"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { problem } from "../../src/api/Problem.ts"
import { readProblems } from "../../src/api/Problems.ts"
import { SessionNotFound } from "../../src/domain/errors/SessionErrors.ts"
import { Session, SessionId } from "../../src/domain/Session.ts"
import { Sessions } from "../../src/services/Sessions.ts"
import type { Principal } from "../../src/domain/ApiKey.ts"

declare const principal: Principal

const params = { id: SessionId }

const declared = HttpApi.make("declared").add(
  HttpApiGroup.make("sessions").add(
    HttpApiEndpoint.get("get", "/:id", {
      params,
      success: Session,
      error: [problem(SessionNotFound), ...readProblems]
    })
  )
)

HttpApiBuilder.group(declared, "sessions", (handlers) =>
  handlers.handle("get", ({ params }) => Effect.flatMap(Sessions, (sessions) => sessions.get(principal, params.id)))
)

const undeclared = HttpApi.make("undeclared").add(
  HttpApiGroup.make("sessions").add(
    HttpApiEndpoint.get("get", "/:id", { params, success: Session, error: readProblems })
  )
)

HttpApiBuilder.group(undeclared, "sessions", (handlers) =>
  // @ts-expect-error SessionNotFound is not declared
  handlers.handle("get", ({ params }) => Effect.flatMap(Sessions, (sessions) => sessions.get(principal, params.id)))
)

const two = HttpApi.make("two").add(
  HttpApiGroup.make("sessions").add(
    HttpApiEndpoint.get("get", "/:id", {
      params,
      success: Session,
      error: [problem(SessionNotFound), ...readProblems]
    }),
    HttpApiEndpoint.delete("delete", "/:id", { params })
  )
)

HttpApiBuilder.group(two, "sessions", (handlers) =>
  // @ts-expect-error an endpoint has no handler
  handlers.handle("get", ({ params }) => Effect.flatMap(Sessions, (sessions) => sessions.get(principal, params.id)))
)
