import { once } from "node:events"
import type { Socket } from "node:net"
import { Transform, type TransformCallback } from "node:stream"
import type { Traffic } from "./FaultMode.ts"

interface Parcel {
  readonly bytes: Buffer
  readonly arrivedAt: number
}

// Holds at most this many reads (of 64 KiB at most) of a delayed direction; then the sender has to wait.
const parcelsHeld = 256

/** Notes when bytes arrived; the end of the stream is an empty parcel, for it is delayed like the bytes before it. */
const stampArrivals = (): Transform =>
  new Transform({
    readableObjectMode: true,
    readableHighWaterMark: parcelsHeld,
    transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback) {
      done(null, { bytes, arrivedAt: performance.now() } satisfies Parcel)
    },
    flush(done: TransformCallback) {
      done(null, { bytes: Buffer.alloc(0), arrivedAt: performance.now() } satisfies Parcel)
    }
  })

/** Resolves when the sink can take more, or never will. */
const untilDrained = (sink: Socket): Promise<unknown> => Promise.race([once(sink, "drain"), once(sink, "close")])

/** A client's connection and its counterpart to the upstream. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #traffic: Traffic
  readonly #abort = new AbortController()
  #cut: { readonly mode: object; left: number } | undefined
  /** Resolves when both directions have ended. */
  readonly ended: Promise<unknown>

  constructor(client: Socket, upstream: Socket, traffic: Traffic) {
    this.#client = client
    this.#upstream = upstream
    this.#traffic = traffic
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      // A failed socket closes, and that is what the relays look at.
      socket.on("error", () => undefined)
    }
    this.ended = Promise.all([
      this.#relay(client, upstream, (bytes) => upstream.write(bytes)),
      this.#relay(upstream, client, (bytes) => this.#writeToClient(bytes))
    ])
  }

  /** Answers both sides with a reset. */
  reset(): void {
    this.#abort.abort()
    this.#client.resetAndDestroy()
    this.#upstream.resetAndDestroy()
  }

  async #relay(source: Socket, sink: Socket, write: (bytes: Buffer) => boolean): Promise<void> {
    const { signal } = this.#abort
    const stamped = source.pipe(stampArrivals())
    source.once("close", () => source.readableEnded || stamped.destroy())
    const parcels: AsyncIterable<Parcel> = stamped
    try {
      for await (const { arrivedAt, bytes } of parcels) {
        await this.#traffic.admit(arrivedAt, signal)
        if (!sink.destroyed && !write(bytes)) await untilDrained(sink)
      }
      sink.end()
    } catch {
      // The source was reset, or the proxy is closing.
      await this.#traffic.admit(performance.now(), signal).catch(() => undefined)
      sink.resetAndDestroy()
    }
  }

  #writeToClient(bytes: Buffer): boolean {
    const { mode } = this.#traffic
    if (mode.kind !== "cut" || bytes.length === 0) return this.#client.write(bytes)
    if (this.#cut?.mode !== mode) this.#cut = { mode, left: mode.bytes }
    const last = bytes.subarray(0, this.#cut.left)
    this.#cut.left -= last.length
    if (this.#cut.left > 0) return this.#client.write(last)
    this.#client.end(last)
    this.#upstream.destroy()
    return true
  }
}
