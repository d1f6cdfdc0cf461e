/** Lets so many tasks run at once; the others wait for their turn, in the order in which they came. */
export const inTurn = (places: number) => {
  const waiting: Array<() => void> = []
  let free = places
  return async <A>(task: () => Promise<A>): Promise<A> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
