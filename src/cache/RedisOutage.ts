import { Effect } from "effect"
import { noteRedisDown } from "./CacheMetrics.ts"

/** Tells the log and the metrics once when Redis goes away and once when it is back, however many connections notice. */
export class RedisOutage {
  readonly #away = new Set<string>()
  readonly #log: (entry: Effect.Effect<void>) => void

  constructor(log: (entry: Effect.Effect<void>) => void) {
    this.#log = log
  }

  lost(connection: string, reason: string): void {
    if (this.#away.size === 0) {
      this.#log(
        Effect.logWarning("Redis is away").pipe(
          Effect.annotateLogs({ connection, reason }),
          Effect.andThen(noteRedisDown(true))
        )
      )
    }
    this.#away.add(connection)
  }

  back(connection: string): void {
    if (!this.#away.delete(connection) || this.#away.size > 0) return
    this.#log(Effect.andThen(Effect.logInfo("Redis is back"), noteRedisDown(false)))
  }
}
