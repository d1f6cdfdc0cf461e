/**
 * Keys that were invalidated a short time ago. Values must not push them out, or a slow
 * reader could bring the old value back; so they have a room of their own.
 */
export class MemoryTombstones {
  readonly #lifetime: number
  readonly #maxKeys: number
  // All live equally long, so the order of insertion is that of their ends.
  readonly #ends = new Map<string, number>()
  #allBuriedUntil = Number.NEGATIVE_INFINITY

  constructor(lifetime: number, maxKeys: number) {
    this.#lifetime = lifetime
    this.#maxKeys = maxKeys
  }

  has(key: string, now: number): boolean {
    return Math.max(this.#ends.get(key) ?? this.#allBuriedUntil, this.#allBuriedUntil) > now
  }

  add(key: string, now: number): void {
    this.#ends.delete(key)
    this.#ends.set(key, now + this.#lifetime)
    for (const [oldest, end] of this.#ends) {
      if (end > now) {
        if (this.#ends.size <= this.#maxKeys) return
        // Too many to remember: until this one's end, every key counts as invalidated.
        this.#allBuriedUntil = end
      }
      this.#ends.delete(oldest)
    }
  }
}
