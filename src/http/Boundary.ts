import { Context, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { Boundary } from "../api/Boundary.ts"
import { answer } from "./Answers.ts"
import { CurrentRecord } from "./RequestRecord.ts"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Turns every failure of an endpoint into its answer, and nothing else can leave one. */
export const BoundaryLayer = Layer.succeed(Boundary, (httpEffect, { endpoint }) =>
  Effect.withFiber((fiber) => {
    const record = Context.get(fiber.context, CurrentRecord)
    record.enter(endpoint.path)
    return Effect.catchCause(httpEffect, (cause) =>
      Effect.flatMap(HttpRouter.params, ({ id }) => {
        if (id !== undefined && uuid.test(id)) {
          if (endpoint.path.includes("/sessions/:id")) record.known.session_id = id
          if (endpoint.path.includes("/runs/:id")) record.known.run_id = id
        }
        return answer(cause, record)
      })
    )
  })
)
