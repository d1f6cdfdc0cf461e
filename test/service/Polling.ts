import { setTimeout as sleep } from "node:timers/promises"

/** Looks until something is there, or fails with what it was looking for. */
export const eventually = async <A>(
  what: string,
  look: () => A | undefined | Promise<A | undefined>,
  timeoutMillis = 15_000
): Promise<A> => {
  const deadline = performance.now() + timeoutMillis
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMillis} ms`)
    await sleep(20)
  }
}

/** Looks until a condition holds. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMillis?: number) => {
  await eventually(what, async () => ((await holds()) ? true : undefined), timeoutMillis)
}
