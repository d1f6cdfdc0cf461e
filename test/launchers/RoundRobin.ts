import { once } from "node:events"
import { createConnection, createServer, type Socket } from "node:net"
import type { Balancer } from "./Balancer.ts"

// Connected, or undefined when nobody listens there.
const connect = (port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => resolve(socket))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => resolve(undefined))
  })

/** Gives each connection to the next instance that takes it: a balancer that needs nothing to be installed. */
export const startRoundRobin = async (ports: ReadonlyArray<number>): Promise<Balancer> => {
  const open = new Set<Socket>()
  let next = 0

  const serve = async (client: Socket) => {
    open.add(client)
    client.on("error", () => client.destroy())
    client.on("close", () => open.delete(client))
    for (let tried = 0; tried < ports.length; tried++) {
      const instance = await connect(ports[next++ % ports.length] ?? 0)
      if (instance === undefined) continue
      instance.on("close", () => client.destroy())
      client.on("close", () => instance.destroy())
      if (client.destroyed) instance.destroy()
      client.pipe(instance).pipe(client)
      return
    }
    client.destroy()
  }

  const server = createServer((client) => void serve(client))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    name: "round-robin",
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.close()
      for (const client of open) client.destroy()
      await once(server, "close")
    }
  }
}
