import { EventEmitter, once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"

/** What a fault proxy does to its connections. */
export type FaultMode =
  /** Forwards everything at once. */
  | { readonly kind: "pass" }
  /** Forwards each byte so many milliseconds after it arrived, in both directions. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Accepts connections and forwards nothing. What arrives meanwhile is forwarded when the mode ends, as TCP would. */
  | { readonly kind: "blackhole" }
  /** Resets the present connections, and new ones as soon as they are accepted. */
  | { readonly kind: "reset" }
  /** Resets the present connections and refuses new ones: nobody listens. */
  | { readonly kind: "refuse" }
  /**
   * Forwards so many more bytes to the client, on each connection, and then ends
   * it; with 0, as soon as the upstream answers.
   */
  | { readonly kind: "cut"; readonly bytes: number }

/** The mode in force, and the waiting that it demands. */
export class Traffic {
  #mode: FaultMode = { kind: "pass" }
  readonly #changes = new EventEmitter().setMaxListeners(0)

  get mode(): FaultMode {
    return this.#mode
  }

  change(mode: FaultMode): void {
    // A copy, so that the same mode set twice counts as two.
    this.#mode = { ...mode }
    this.#changes.emit("change")
  }

  /** Waits until bytes that arrived at this time may go on; rejects when the signal aborts. */
  async admit(arrivedAt: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const mode = this.#mode
      const delay = mode.kind === "latency" ? arrivedAt + mode.ms - performance.now() : 0
      if (mode.kind === "blackhole") await once(this.#changes, "change", { signal })
      else if (delay > 0) await sleep(Math.ceil(delay), undefined, { signal })
      else return
    }
  }
}
