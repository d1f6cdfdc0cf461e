import { Effect } from "effect"

/** Tells the log once when Redis goes away and once when it is back, however many connections notice. */
export class RedisOutage {
  readonly #away = new Set<string>()
  readonly #log: (entry: Effect.Effect<void>) => void

  constructor(log: (entry: Effect.Effect<void>) => void) {
    this.#log = log
  }

  lost(connection: string, reason: string): void {
    if (this.#away.size === 0) {
      this.#log(Effect.logWarning("Redis is away").pipe(Effect.annotateLogs({ connection, reason })))
    }
    this.#away.add(connection)
  }

  back(connection: string): void {
    if (this.#away.delete(connection) && this.#away.size === 0) this.#log(Effect.logInfo("Redis is back"))
  }
}
