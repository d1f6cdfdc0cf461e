import { Clock, Effect, Layer, Schedule } from "effect"
import { RateMeter, rateWindow } from "./RateMeter.ts"

/** Counts in this process, for an installation of one instance. */
export const layer: Layer.Layer<RateMeter> = Layer.effect(
  RateMeter,
  Effect.gen(function* () {
    /** When all of a rate may be used again. */
    const full = new Map<string, number>()

    const forget = Effect.map(Clock.currentTimeMillis, (now) => {
      for (const [key, at] of full) if (at <= now) full.delete(key)
    })
    yield* Effect.repeat(forget, Schedule.spaced(rateWindow)).pipe(Effect.forkScoped)

    return RateMeter.of({
      use: (rates) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const before = rates.map(({ key }) => Math.max((full.get(key) ?? now) - now, 0))
          const after = rates.map(({ limit }, index) => (before[index] ?? 0) + rateWindow / limit)
          if (after.some((backlog) => backlog > rateWindow)) return { allowed: false, backlogs: before }
          for (const [index, { key }] of rates.entries()) full.set(key, now + (after[index] ?? 0))
          return { allowed: true, backlogs: after }
        })
    })
  })
)
