import type { Effect } from "effect"
import { Context } from "effect"

/** How one part that the service needs is doing. */
export interface DependencyHealth {
  readonly status: "ok" | "error" | "off"
  readonly latency_ms?: number
}

/** What keeps the service from taking work, and what to do about it. */
export interface MissingPart {
  readonly what: string
  readonly remedy: string
}

/** How the service and its parts are doing. */
export class Readiness extends Context.Service<
  Readiness,
  {
    readonly health: Effect.Effect<{
      readonly postgres: DependencyHealth
      readonly redis: DependencyHealth
      readonly agent: DependencyHealth
    }>
    /** Empty when the service takes work. */
    readonly missing: Effect.Effect<ReadonlyArray<MissingPart>>
  }
>()("causeway/services/Readiness") {}
