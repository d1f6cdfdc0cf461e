import { Schema } from "effect"
import { ReadableStream } from "node:stream/web"
import { RunFrame } from "../../src/api/RunStream.ts"

const decodeFrame = Schema.decodeUnknownSync(RunFrame)

/** The fields of one SSE frame; null for one without an event, which only moves the reader's cursor. */
const parseFrame = (text: string): RunFrame | null => {
  const fields: Record<string, string> = {}
  for (const line of text.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) fields[name] = value
  }
  return fields["event"] === undefined ? null : decodeFrame(fields)
}

async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<RunFrame> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const bytes of body) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n")
    rest = parts.pop() ?? ""
    for (const part of parts) {
      const frame = parseFrame(part)
      if (frame !== null) yield frame
    }
  }
}

/** Speaks to Causeway as any HTTP client does. */
export class Client {
  readonly #url: string
  readonly #key: string
  readonly #signal: AbortSignal

  constructor(url: string, key: string, signal: AbortSignal) {
    this.#url = url
    this.#key = key
    this.#signal = signal
  }

  async #send(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { "x-api-key": this.#key, "content-type": "application/json" },
      signal: this.#signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}\n${await response.text()}`)
    return response
  }

  /** Starts a run and gives its events as they happen. */
  async *run(path: string, body: unknown): AsyncGenerator<RunFrame> {
    const { body: stream } = await this.#send("POST", path, body)
    if (stream === null) throw new Error(`POST ${path} answered without a stream`)
    yield* framesOf(stream)
  }

  async get<A>(path: string, schema: Schema.Decoder<A>): Promise<A> {
    const response = await this.#send("GET", path)
    return Schema.decodeUnknownSync(schema)(await response.json())
  }
}
