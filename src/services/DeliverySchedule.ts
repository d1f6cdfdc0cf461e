/** Each time is varied by up to this share of it, so that what failed together is not repeated together. */
const jitter = 0.2

/** Longest time, in milliseconds, that an endpoint can ask for in `Retry-After`: a day. */
const longestWish = 86_400_000

/** What an endpoint asks for in `Retry-After`, in milliseconds from `now`; 0 where it asks for nothing. */
export const wishOf = (retryAfter: string | undefined, now: number): number => {
  if (retryAfter === undefined) return 0
  const millis = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return Number.isFinite(millis) ? Math.min(Math.max(millis, 0), longestWish) : 0
}

/**
 * When something is told again that has failed `attempts` times, in milliseconds from now; null when it is given up.
 * `random` is from 0 to 1.
 */
export const retryDelay = (
  retries: ReadonlyArray<number>,
  attempts: number,
  wish: number,
  random: number
): number | null => {
  const delay = retries[attempts - 1]
  return delay === undefined ? null : Math.max(Math.round(delay * (1 - jitter + 2 * jitter * random)), wish)
}
