import type { PGlite } from "@electric-sql/pglite"
import { Buffer } from "node:buffer"
import { Duplex } from "node:stream"
import { callbackify } from "node:util"

const cancelRequest = 80877102
const terminate = "X".charCodeAt(0)

const query = (text: string) => {
  const body = Buffer.from(`${text}\0`)
  const message = Buffer.alloc(5 + body.length)
  message.write("Q")
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}

// What an earlier connection may have left in the one session: a transaction, prepared statements, locks, settings.
const leftovers = [query("ROLLBACK"), query("DISCARD ALL")]

/**
 * A connection to an in-process PGlite, which a client of PostgreSQL's wire protocol takes as its socket.
 * All connections share PGlite's one session, so there must be one at a time.
 */
export class PgliteConnection extends Duplex {
  readonly #database: PGlite
  #started = false
  #pending: Buffer = Buffer.alloc(0)

  constructor(database: PGlite) {
    super({ allowHalfOpen: false })
    this.#database = database
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (failure?: Error | null) => void): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    callbackify(() => this.#accept())(done)
  }

  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  async #accept(): Promise<void> {
    if (!this.#started && !(await this.#start())) return
    const { length, ended } = this.#wholeMessages()
    const messages = this.#take(length)
    if (messages.length > 0) await this.#run([messages], true)
    if (ended) this.push(null)
  }

  /** True once the startup packet is there and answered. */
  async #start(): Promise<boolean> {
    const length = this.#pending.length < 8 ? 8 : this.#pending.readInt32BE(0)
    if (this.#pending.length < length) return false
    const packet = this.#take(length)
    if (packet.readInt32BE(4) === cancelRequest) {
      // There is no second process that could be interrupted.
      this.push(null)
      return false
    }
    this.#started = true
    await this.#run(leftovers, false)
    await this.#run([packet], true)
    return true
  }

  #wholeMessages(): { readonly length: number; readonly ended: boolean } {
    let end = 0
    while (this.#pending.length >= end + 5) {
      const next = end + 1 + this.#pending.readInt32BE(end + 1)
      if (this.#pending[end] === terminate) return { length: end, ended: true }
      if (this.#pending.length < next) break
      end = next
    }
    return { length: end, ended: false }
  }

  #take(length: number): Buffer {
    const taken = this.#pending.subarray(0, length)
    this.#pending = this.#pending.subarray(length)
    return taken
  }

  #run(messages: ReadonlyArray<Uint8Array>, answer: boolean): Promise<void> {
    return this.#database.runExclusive(async () => {
      for (const message of messages) {
        await this.#database.execProtocolRawStream(message, {
          // The bytes lie in PGlite's memory and are gone after this call.
          onRawData: (data) => {
            if (answer) this.push(Buffer.from(data))
          }
        })
      }
    })
  }
}
