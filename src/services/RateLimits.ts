import { Context, Effect, Layer, Metric } from "effect"
import { type Rate, RateMeter, rateWindow } from "../cache/RateMeter.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** How much of a limit a tenant has left. */
export interface RateState {
  readonly name: "requests" | "starts"
  /** Per minute. */
  readonly limit: number
  readonly remaining: number
  /** Seconds until all of it may be used again. */
  readonly reset: number
}

/** Whether a request may go on, and what its answer says of the limits. */
export interface RateDecision {
  readonly limits: ReadonlyArray<RateState>
  /** Seconds to wait; null when the request may go on. */
  readonly wait: number | null
}

/** Most requests and starts of runs of one tenant in a minute; null: no limit. */
export interface TenantRates {
  readonly requests: number | null
  readonly starts: number | null
}

const unmeasured = Metric.counter("rate_limit_unmeasured_total", {
  description: "Requests that went on unmeasured because Redis could not be reached",
  incremental: true
})

const unlimited: RateDecision = { limits: [], wait: null }

const stateOf = (name: RateState["name"], { limit }: Rate, backlog: number): RateState => ({
  name,
  limit,
  remaining: Math.max(Math.floor(((rateWindow - backlog) * limit) / rateWindow), 0),
  reset: Math.ceil(backlog / 1000)
})

/** Limits how fast a tenant sends. Without Redis it lets everything pass: no limit rather than no service. */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Counts a request; `starts` when it starts a run. */
    count(tenant: TenantId, starts: boolean): Effect.Effect<RateDecision>
  }
>()("causeway/services/RateLimits") {
  static readonly layer = (rates: TenantRates): Layer.Layer<RateLimits, never, RateMeter> =>
    Layer.effect(
      RateLimits,
      Effect.gen(function* () {
        const meter = yield* RateMeter
        yield* Metric.value(unmeasured)

        const ratesOf = (tenant: TenantId, starts: boolean) => {
          const names = starts ? (["requests", "starts"] as const) : (["requests"] as const)
          return names.flatMap((name) => {
            const limit = rates[name]
            return limit === null ? [] : [{ name, rate: { key: `${name}:${tenant}`, limit } }]
          })
        }

        const count = (tenant: TenantId, starts: boolean): Effect.Effect<RateDecision> => {
          const asked = ratesOf(tenant, starts)
          if (asked.length === 0) return Effect.succeed(unlimited)
          return meter.use(asked.map(({ rate }) => rate)).pipe(
            Effect.map(({ allowed, backlogs }) => {
              const measured = asked.map(({ name, rate }, index) => ({ name, rate, backlog: backlogs[index] ?? 0 }))
              const waits = measured.map(({ backlog, rate }) => backlog + rateWindow / rate.limit - rateWindow)
              return {
                limits: measured.map(({ backlog, name, rate }) => stateOf(name, rate, backlog)),
                wait: allowed ? null : Math.max(Math.ceil(Math.max(...waits) / 1000), 1)
              }
            }),
            Effect.catch(() => Effect.as(Metric.update(unmeasured, 1), unlimited))
          )
        }

        return RateLimits.of({ count })
      })
    )
}
