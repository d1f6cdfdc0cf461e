import { Duration } from "effect"

/** How long an invalidated key takes no `fill`: longer than a reader may hold what it read before. */
export const tombstoneLifetime = Duration.seconds(10)

/** A lifetime in whole milliseconds; undefined when nothing is to be kept. */
export const lifetimeMillis = (timeToLive: Duration.Duration): number | undefined => {
  const millis = Math.min(Math.ceil(Duration.toMillis(timeToLive)), Number.MAX_SAFE_INTEGER)
  return millis > 0 ? millis : undefined
}

/** Refuses a value that would read as a tombstone. */
export const requireValue = (value: string): void => {
  if (value === "") throw new Error("An empty value cannot be cached: it marks an invalidated key.")
}
