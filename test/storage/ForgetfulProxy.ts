import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { createConnection, createServer, type Socket } from "node:net"

/** A way to a server that can forget its connections as a router does: they stay open, and nothing arrives. */
export interface ForgetfulProxy {
  readonly port: number
  /** Forgets the connections that there are; new ones work. */
  readonly forget: () => void
  /** How many connections the client has not closed. */
  readonly open: () => number
}

/** Starts a proxy before a port of this machine. */
export const forgetfulProxy = (upstreamPort: number): Effect.Effect<ForgetfulProxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const clients = new Set<Socket>()
      const all = new Set<Socket>()
      const forgotten = new WeakSet<Socket>()
      const server = createServer((client) => {
        const upstream = createConnection(upstreamPort, "127.0.0.1")
        clients.add(client)
        for (const socket of [client, upstream]) {
          all.add(socket)
          socket.on("error", () => undefined)
          socket.on("close", () => all.delete(socket))
        }
        client.on("data", (data) => forgotten.has(client) || upstream.write(data))
        upstream.on("data", (data) => forgotten.has(client) || client.write(data))
        client.on("close", () => {
          clients.delete(client)
          if (!forgotten.has(client)) upstream.destroy()
        })
      })
      await once(server.listen(0, "127.0.0.1"), "listening")
      const address = server.address()
      return {
        port: typeof address === "object" && address !== null ? address.port : 0,
        forget: () => clients.forEach((client) => forgotten.add(client)),
        open: () => clients.size,
        close: () => {
          server.close()
          all.forEach((socket) => socket.destroy())
        }
      }
    }),
    (proxy) => Effect.sync(() => proxy.close())
  )
