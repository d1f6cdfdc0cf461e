import { keepExample } from "./Examples.ts"
import { at } from "./Json.ts"
import { eventually } from "./Polling.ts"

/** One server-sent event as it came. Comments are kept out; they stand in the reader's `raw`. */
export interface Frame {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly retry: string | undefined
  /** The parsed JSON; undefined where there is none. */
  readonly data: unknown
  /** The frame's own text, with its blank line. */
  readonly text: string
}

const fieldOf = (lines: ReadonlyArray<string>, name: string): string | undefined => {
  const found = lines
    .filter((line) => line.startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trimStart())
  return found.length === 0 ? undefined : found.join("\n")
}

const parseFrame = (text: string): Frame | undefined => {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith(":"))
  if (lines.length === 0) return undefined
  const written = fieldOf(lines, "data")
  const data: unknown = written === undefined ? undefined : JSON.parse(written)
  keepExample(data)
  return {
    id: fieldOf(lines, "id"),
    event: fieldOf(lines, "event"),
    retry: fieldOf(lines, "retry"),
    data,
    text
  }
}

/** Reads a stream of events in the background, from its head on. */
export class EventReader implements AsyncIterable<Frame> {
  readonly status: number
  readonly headers: Headers
  /** Everything that came so far, as text. */
  raw = ""
  /** How the stream ended: undefined while it is open. */
  end: "complete" | "cut" | undefined
  readonly frames: Array<Frame> = []
  readonly #abort: AbortController
  #unparsed = ""

  constructor(response: Response, abort: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#abort = abort
    void this.#read(response)
  }

  /** The frames of events, without the one that opens the stream. */
  get events(): ReadonlyArray<Frame> {
    return this.frames.filter(({ event }) => event !== undefined)
  }

  /** The names of the events, in order. */
  get names(): ReadonlyArray<string> {
    return this.events.map(({ event = "" }) => event)
  }

  /** The text of the event frames alone: what a replay must repeat. */
  get eventText(): string {
    return this.events.map(({ text }) => text).join("")
  }

  get sessionId(): string {
    return String(at(this.first("init").data, "session_id"))
  }

  get runId(): string {
    return String(at(this.first("init").data, "run_id"))
  }

  /** The first event of a name, which must be there. */
  first(name: string): Frame {
    const found = this.events.find(({ event }) => event === name)
    if (found === undefined) throw new Error(`No ${name} in ${this.raw.slice(0, 4000)}`)
    return found
  }

  all(name: string): ReadonlyArray<Frame> {
    return this.events.filter(({ event }) => event === name)
  }

  /** Waits for an event: of a name, or one that fits. */
  waitFor(wanted: string | ((frame: Frame) => boolean), timeoutMillis = 30_000): Promise<Frame> {
    const fits = typeof wanted === "string" ? ({ event }: Frame) => event === wanted : wanted
    return eventually(
      `event ${String(wanted)}`,
      () => {
        const found = this.events.find(fits)
        if (found === undefined && this.end !== undefined)
          throw new Error(`Over without ${String(wanted)}: ${this.raw}`)
        return found
      },
      timeoutMillis
    )
  }

  /** Waits for the end of the stream and gives its events. */
  async finished(timeoutMillis = 45_000): Promise<ReadonlyArray<Frame>> {
    await eventually(`the end of the stream; so far ${this.names.join()}`, () => this.end, timeoutMillis)
    return this.events
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame> {
    for (let next = 0; ; next++) {
      const frame = await eventually("the next event", () => this.frames[next] ?? this.end, 60_000)
      if (typeof frame === "string") return
      yield frame
    }
  }

  /** Hangs up. */
  close(): void {
    this.#abort.abort()
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) this.#take(decoder.decode(chunk, { stream: true }))
      this.end = "complete"
    } catch {
      this.end = "cut"
    }
  }

  #take(text: string): void {
    this.raw += text
    this.#unparsed += text
    for (;;) {
      const end = this.#unparsed.indexOf("\n\n")
      if (end < 0) return
      const frame = parseFrame(this.#unparsed.slice(0, end + 2))
      this.#unparsed = this.#unparsed.slice(end + 2)
      if (frame !== undefined) this.frames.push(frame)
    }
  }
}
