import type { RateState } from "../services/RateLimits.ts"

/** The fields of draft-ietf-httpapi-ratelimit-headers: what a tenant may, and what it has left of it. */
export const rateLimitFields = (limits: ReadonlyArray<RateState>): Readonly<Record<string, string>> =>
  limits.length === 0
    ? {}
    : {
        "ratelimit-policy": limits.map(({ limit, name }) => `"${name}";q=${limit};w=60`).join(", "),
        ratelimit: limits.map(({ name, remaining, reset }) => `"${name}";r=${remaining};t=${reset}`).join(", ")
      }
