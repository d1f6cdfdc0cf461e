/** How much a cache in memory may hold. */
export interface MemoryLimits {
  readonly maxEntries: number
  /** Keys and values together. */
  readonly maxCharacters: number
}

interface Entry {
  readonly value: string
  readonly expiresAt: number
}

/** Values with a lifetime, of which the least recently used give way. Times are milliseconds of any one clock. */
export class MemoryEntries {
  readonly #limits: MemoryLimits
  // A Map keeps the order of insertion: here that of the last use.
  readonly #entries = new Map<string, Entry>()
  #characters = 0

  constructor(limits: MemoryLimits) {
    this.#limits = limits
  }

  get(key: string, now: number): string | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.expiresAt <= now) {
      this.delete(key)
      return undefined
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: string, expiresAt: number): void {
    this.delete(key)
    const characters = key.length + value.length
    if (characters > this.#limits.maxCharacters) return
    this.#entries.set(key, { value, expiresAt })
    this.#characters += characters
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.maxEntries && this.#characters <= this.#limits.maxCharacters) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#characters -= key.length + entry.value.length
  }
}
