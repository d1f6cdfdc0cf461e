import { createConnection, createServer, type Server, type Socket } from "node:net"
import { Traffic, type FaultMode } from "./FaultMode.ts"
import { onFreePort, PortTaken } from "./Ports.ts"
import { ProxiedConnection } from "./ProxiedConnection.ts"

export type { FaultMode }

/** The server behind a proxy. */
export interface Upstream {
  readonly host: string
  readonly port: number
}

/** A TCP proxy on 127.0.0.1 that fails in the way it is told. */
export interface FaultProxy {
  readonly port: number
  /** The number of open connections. */
  readonly connections: number
  /** The proxy's URL for a scheme (`http`), or in place of the upstream's URL (whose user and path are kept). */
  url(schemeOrUrl: string): string
  /** Changes the mode, for present and new connections. */
  set(mode: FaultMode): Promise<void>
  /** Resets all connections and stops listening. */
  close(): Promise<void>
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) =>
      reject(cause.code === "EADDRINUSE" ? new PortTaken(`port ${port} is taken`, { cause }) : cause)
    server.once("error", fail)
    server.listen(port, "127.0.0.1", () => {
      server.off("error", fail)
      resolve()
    })
  })

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
  })

const replaceAddress = (schemeOrUrl: string, port: number): string => {
  if (!schemeOrUrl.includes("://")) return `${schemeOrUrl}://127.0.0.1:${port}`
  const url = new URL(schemeOrUrl)
  url.host = `127.0.0.1:${port}`
  return url.href
}

/** Starts a proxy before the upstream, in mode `pass`. */
export const startFaultProxy = async (upstream: Upstream): Promise<FaultProxy> => {
  const traffic = new Traffic()
  const connections = new Set<ProxiedConnection>()
  // A side that has finished sending may still receive, so an end is forwarded as an end and not as a close.
  const server = createServer({ allowHalfOpen: true }, (client: Socket) => {
    if (traffic.mode.kind === "reset") {
      client.resetAndDestroy()
      return
    }
    const connection = new ProxiedConnection(client, createConnection({ ...upstream, allowHalfOpen: true }), traffic)
    connections.add(connection)
    void connection.ended.then(() => connections.delete(connection))
  })
  const resetAll = () => connections.forEach((connection) => connection.reset())
  const stopListening = async () => {
    const closed = closeServer(server)
    resetAll()
    await closed
  }
  const port = await onFreePort((candidate) => listen(server, candidate))

  return {
    port,
    get connections() {
      return connections.size
    },
    url: (schemeOrUrl) => replaceAddress(schemeOrUrl, port),
    set: async (mode) => {
      traffic.change(mode)
      if (mode.kind === "refuse") await stopListening()
      else if (!server.listening) await listen(server, port)
      if (mode.kind === "reset") resetAll()
    },
    close: stopListening
  }
}
