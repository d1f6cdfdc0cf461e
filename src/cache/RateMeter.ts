import type { Effect } from "effect"
import { Context } from "effect"
import type { RedisUnavailable } from "../domain/errors/StorageErrors.ts"

/** How often something may happen: `limit` times in a minute, evenly or all at once. */
export interface Rate {
  readonly key: string
  readonly limit: number
}

/** What a rate is measured in, in milliseconds. */
export const rateWindow = 60_000

/** What became of an attempt. */
export interface Measured {
  /** Whether all rates had room; otherwise none of them was used. */
  readonly allowed: boolean
  /** For each rate, in how many milliseconds all of it may be used again. */
  readonly backlogs: ReadonlyArray<number>
}

/** Counts how often things happen, by the generic cell rate algorithm: one number a key. */
export class RateMeter extends Context.Service<
  RateMeter,
  {
    /** Uses each of the rates once, or none of them. */
    use(rates: ReadonlyArray<Rate>): Effect.Effect<Measured, RedisUnavailable>
  }
>()("causeway/cache/RateMeter") {}
