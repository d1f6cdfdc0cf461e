import { connect, type Socket } from "node:net"
import { quantile } from "./Statistics.ts"

export interface LoadOptions {
  readonly url: URL
  /** Connections that are kept open, each with one request at a time. */
  readonly connections: number
  /** It goes on for so long, and for so many requests: on a busy machine time alone says little. */
  readonly seconds: number
  readonly atLeast: number
  readonly headers: Readonly<Record<string, string>>
  /** The path of the next request. */
  readonly nextPath: () => string
}

/** What a server did under load; latencies are milliseconds. */
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

const headEnd = Buffer.from("\r\n\r\n")

/** How long an answer is that begins here, head included; undefined while that cannot be told. */
const answerLength = (bytes: Buffer): number | undefined => {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = bytes.toString("latin1", 0, end)
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(`Not a success: ${bytes.toString("utf8", 0, 500)}`)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`An answer without a length: ${head}`)
  return end + headEnd.length + Number(length)
}

const open = (url: URL) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    socket.once("error", reject).once("connect", () => resolve(socket))
  })

/**
 * Sends GET requests over kept connections for a while. It reads no more of HTTP than it
 * must, so that on a small machine most of the CPU is left to the server.
 */
export const load = async ({
  url,
  connections,
  seconds,
  atLeast,
  headers,
  nextPath
}: LoadOptions): Promise<LoadResult> => {
  const head = Object.entries({ host: url.host, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")
  const latencies: Array<number> = []
  let until = 0

  const exchange = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0)
      let sent = 0
      const send = () => {
        sent = performance.now()
        socket.write(`GET ${nextPath()} HTTP/1.1\r\n${head}\r\n`)
      }
      socket.on("error", reject)
      socket.on("data", (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
        try {
          const length = answerLength(received)
          if (length === undefined || received.length < length) return
          received = received.subarray(length)
        } catch (cause) {
          socket.destroy()
          return reject(cause)
        }
        latencies.push(performance.now() - sent)
        if (performance.now() < until || latencies.length < atLeast) return send()
        socket.end()
        resolve()
      })
      send()
    })

  const sockets = await Promise.all(Array.from({ length: connections }, () => open(url)))
  const started = performance.now()
  until = started + seconds * 1000
  await Promise.all(sockets.map(exchange))
  const elapsed = (performance.now() - started) / 1000
  return {
    requests: latencies.length,
    perSecond: latencies.length / elapsed,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99)
  }
}
