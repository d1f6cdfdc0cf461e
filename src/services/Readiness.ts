import { Clock, Context, Effect, Layer, Result } from "effect"
import { AgentRuntime } from "../agent/AgentRuntime.ts"
import { Cache } from "../cache/Cache.ts"
import { catalogue } from "../domain/errors/catalogue.ts"
import { DatabaseProbe } from "../storage/DatabaseProbe.ts"
import { Admission } from "./Admission.ts"

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
>()("causeway/services/Readiness") {
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const database = yield* DatabaseProbe
      const cache = yield* Cache
      const runtime = yield* AgentRuntime
      const admission = yield* Admission

      const timed = Effect.fnUntraced(function* <E>(check: Effect.Effect<unknown, E>) {
        const before = yield* Clock.currentTimeNanos
        const result = yield* Effect.result(check)
        const latency_ms = Number((yield* Clock.currentTimeNanos) - before) / 1e6
        const health: DependencyHealth = Result.isSuccess(result) ? { status: "ok", latency_ms } : { status: "error" }
        return health
      })

      const off: DependencyHealth = { status: "off" }
      const postgres = timed(database.ping)
      const redis = cache.shared ? timed(cache.ping) : Effect.succeed(off)

      const health = Effect.gen(function* () {
        const { credentials, sdk } = yield* runtime.readiness
        const agent: DependencyHealth = { status: sdk === "ok" && credentials === "ok" ? "ok" : "error" }
        const [first, second] = yield* Effect.all([postgres, redis], { concurrency: 2 })
        return { postgres: first, redis: second, agent }
      })

      const missing = Effect.gen(function* () {
        const { credentials, sdk } = yield* runtime.readiness
        const [first, second] = yield* Effect.all([postgres, redis], { concurrency: 2 })
        const parts: Array<MissingPart> = []
        const lacks = (what: string, { remedy }: { readonly remedy: string }) => parts.push({ what, remedy })
        if (yield* admission.isShut) lacks("shutting_down", catalogue.ShuttingDown)
        if (first.status === "error") lacks("postgres", catalogue.DbUnavailable)
        if (second.status === "error") lacks("redis", catalogue.RedisUnavailable)
        if (sdk === "missing") lacks("agent_sdk", catalogue.SdkMissing)
        if (sdk === "not executable") lacks("agent_sdk", catalogue.AgentNotExecutable)
        if (credentials === "missing") lacks("model_credentials", catalogue.ModelCredentialsMissing)
        return parts
      })

      return Readiness.of({ health, missing })
    })
  )
}
