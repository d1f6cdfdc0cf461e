import { randomInt } from "node:crypto"
import { createServer } from "node:net"

// Below the range the kernel gives to outgoing connections (32768 up). A port in it could be taken while a killed
// server is down, and a client that keeps reconnecting to it could even end up connected to itself.
const lowest = 10_240
const beyond = 32_768

const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/** A TCP port nobody listens on at this moment. */
export const findFreePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, beyond)
    if (await canListen(port)) return port
  }
  throw new Error(`no free TCP port found between ${lowest} and ${beyond - 1}`)
}

/** The server found its port taken. */
export class PortTaken extends Error {
  override readonly name = "PortTaken"
}

/** Runs `start` with a free port, and with another one when somebody was faster. */
export const onFreePort = async (start: (port: number) => Promise<void>): Promise<number> => {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort()
    try {
      await start(port)
      return port
    } catch (cause) {
      if (!(cause instanceof PortTaken) || attempt === 5) throw cause
    }
  }
}
