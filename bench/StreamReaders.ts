import { connect, type Socket } from "node:net"

/** Readers of one stream of events, each on a connection of its own; they count bytes and parse nothing. */
export interface StreamReaders {
  /** Bytes that all of them have received. */
  readonly received: () => number
  /** Settles when all streams have ended. */
  readonly ended: Promise<unknown>
  readonly close: () => void
}

const atOnce = 100

/** Opens connections and waits until each has received the head of its answer. */
export const openReaders = async (
  url: URL,
  { apiKey, count, path }: { readonly apiKey: string; readonly count: number; readonly path: string }
): Promise<StreamReaders> => {
  const sockets: Array<Socket> = []
  const ends: Array<Promise<void>> = []
  let received = 0
  const open = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: url.hostname, port: Number(url.port) })
      sockets.push(socket)
      ends.push(new Promise((end) => socket.once("close", () => end())))
      socket.once("error", reject)
      socket.once("data", (chunk: Buffer) => {
        if (chunk.toString("latin1", 0, 12) === "HTTP/1.1 200") resolve()
        else reject(new Error(`Not a success: ${chunk.toString("utf8", 0, 500)}`))
      })
      socket.on("data", (chunk: Buffer) => (received += chunk.length))
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\nx-api-key: ${apiKey}\r\nconnection: close\r\n\r\n`)
    })
  for (let opened = 0; opened < count; opened += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - opened) }, open))
  }
  return {
    received: () => received,
    ended: Promise.all(ends),
    close: () => sockets.forEach((socket) => socket.destroy())
  }
}
