import { Schema } from "effect"

/** How one turn of an agent was seen from outside; times are milliseconds since it was asked for. */
export const Turn = Schema.Struct({
  /** Its first event, `init`. */
  firstEvent: Schema.Number,
  firstDelta: Schema.Number,
  lastDelta: Schema.Number,
  /** The end of its messages. */
  end: Schema.Number,
  /** Pieces of text that came one by one. */
  deltas: Schema.Int
})
export type Turn = typeof Turn.Type

/** Puts a turn together out of what is seen. */
export class TurnClock {
  readonly #started = performance.now()
  #firstEvent = Number.NaN
  #firstDelta = Number.NaN
  #lastDelta = Number.NaN
  #deltas = 0

  seeInit(): void {
    this.#firstEvent = performance.now() - this.#started
  }

  seeDelta(): void {
    this.#lastDelta = performance.now() - this.#started
    if (this.#deltas === 0) this.#firstDelta = this.#lastDelta
    this.#deltas++
  }

  end(): Turn {
    return {
      firstEvent: this.#firstEvent,
      firstDelta: this.#firstDelta,
      lastDelta: this.#lastDelta,
      end: performance.now() - this.#started,
      deltas: this.#deltas
    }
  }
}
