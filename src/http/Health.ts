import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { Health } from "../api/Health.ts"
import { Settings } from "../domain/Settings.ts"
import { Readiness } from "../services/Readiness.ts"

const statusOf = ({ agent, postgres, redis }: Health["dependencies"]): Health["status"] => {
  if (postgres.status === "error") return "unhealthy"
  return redis.status === "error" || agent.status === "error" ? "degraded" : "ok"
}

/** Answers the endpoints about the service's own state. */
export const HealthHandlers = HttpApiBuilder.group(
  Api,
  "health",
  Effect.fn(function* (handlers) {
    const readiness = yield* Readiness
    const { version } = yield* Settings

    const health = Effect.map(readiness.health, (dependencies) => ({
      status: statusOf(dependencies),
      version,
      dependencies
    }))

    const ready = Effect.map(readiness.missing, (missing) =>
      missing.length === 0 ? { status: "ready" as const, missing } : { status: "not_ready" as const, missing }
    )

    return handlers
      .handle("health", () => health)
      .handle("healthOfApi", () => health)
      .handle("live", () => Effect.succeed({ status: "live" }))
      .handle("ready", () => ready)
  })
)
