import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

const Dependency = Schema.Struct({
  status: Schema.Literals(["ok", "error", "off"]),
  latency_ms: Schema.optionalKey(Schema.Finite)
})

/** How the service and what it needs are doing. Never a driver's text. */
export const Health = Schema.Struct({
  status: Schema.Literals(["ok", "degraded", "unhealthy"]),
  version: Schema.String,
  dependencies: Schema.Struct({ postgres: Dependency, redis: Dependency, agent: Dependency })
}).annotate({ identifier: "Health" })
export type Health = typeof Health.Type

const readiness = {
  /** What keeps the service from taking work, with its remedy; empty when it is ready. */
  missing: Schema.Array(Schema.Struct({ what: Schema.String, remedy: Schema.String }))
}

/** The service takes work. */
export const Ready = Schema.Struct({ status: Schema.Literal("ready"), ...readiness }).annotate({ identifier: "Ready" })

/** The service takes no work now. */
export const NotReady = Schema.Struct({ status: Schema.Literal("not_ready"), ...readiness }).annotate({
  identifier: "NotReady"
})

/** For load balancers and people; public. */
export class HealthApi extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("health", "/health", { success: Health }).annotateMerge(
      OpenApi.annotations({ summary: "How the service is", description: "Always 200: the status is in the body." })
    ),
    HttpApiEndpoint.get("healthOfApi", "/api/v1/health", { success: Health }).annotateMerge(
      OpenApi.annotations({ summary: "How the service is", description: "The same as `/health`." })
    ),
    HttpApiEndpoint.get("live", "/health/live", {
      success: Schema.Struct({ status: Schema.Literal("live") })
    }).annotateMerge(OpenApi.annotations({ summary: "Whether the process answers" })),
    HttpApiEndpoint.get("ready", "/health/ready", {
      success: [Ready, NotReady.pipe(HttpApiSchema.status(503))]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Whether the service takes work",
        description: "503 names what is missing and what to do about it."
      })
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Health",
      description: "The state of the service, for load balancers and people; without a key."
    })
  ) {}
