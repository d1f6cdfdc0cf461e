import { Layer } from "effect"
import { HttpMiddleware, HttpRouter } from "effect/http"

const day = 86_400

/** Whether pages of an origin may call the API, by the configured ones. */
export const allowsOrigin = (origins: ReadonlyArray<string>, origin: string): boolean =>
  origins.includes("*") || origins.includes(origin)

/** Lets pages of other origins call the API. With no origins there is no header at all: browsers then refuse. */
export const corsLayer = (origins: ReadonlyArray<string>): Layer.Layer<never, never, HttpRouter.HttpRouter> => {
  if (origins.length === 0) return Layer.empty
  const allowed = new Set(origins)
  return HttpRouter.middleware(
    HttpMiddleware.cors({
      allowedOrigins: allowed.has("*") ? [] : (origin) => allowed.has(origin),
      allowedMethods: ["GET", "HEAD", "POST", "PATCH", "DELETE"],
      allowedHeaders: [
        "authorization",
        "x-api-key",
        "content-type",
        "idempotency-key",
        "last-event-id",
        "x-request-id"
      ],
      exposedHeaders: [
        "x-request-id",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "allow",
        "www-authenticate",
        "location"
      ],
      maxAge: day
    }),
    { global: true }
  )
}
