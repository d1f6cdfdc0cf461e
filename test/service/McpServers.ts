// Real MCP servers: the reference server of the protocol's authors, over each transport, and some that misbehave.
import { request as forward, createServer, type IncomingHttpHeaders, type Server } from "node:http"
import { createRequire } from "node:module"
import { spawnBound } from "../launchers/BoundProcess.ts"
import { findFreePort } from "../launchers/Ports.ts"
import { until } from "./Polling.ts"

const require = createRequire(import.meta.url)
const everything = require.resolve("@modelcontextprotocol/server-everything/dist/index.js")

/** The reference server as a program that speaks over its standard streams. */
export const program = { command: process.execPath, args: [everything, "stdio"] } as const

/** A server that is reached by HTTP. */
export interface RemoteServer {
  readonly url: string
  /** What requests to it carried. */
  readonly received: ReadonlyArray<IncomingHttpHeaders>
  readonly stop: () => Promise<void>
}

const closed = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

/** The reference server behind a door that asks for a header. */
export const startRemote = async (transport: "http" | "sse", authorization: string): Promise<RemoteServer> => {
  const inner = await findFreePort()
  const child = spawnBound(process.execPath, [everything, transport === "http" ? "streamableHttp" : "sse"], {
    env: { PATH: process.env["PATH"] ?? "", PORT: String(inner) },
    stdio: "ignore"
  })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  await until("the MCP server listens", () =>
    fetch(`http://127.0.0.1:${inner}/none`).then(
      () => true,
      () => false
    )
  )
  const received: Array<IncomingHttpHeaders> = []
  const door = createServer((request, response) => {
    received.push(request.headers)
    if (request.headers.authorization !== authorization) return response.writeHead(401).end()
    const { headers, method, url } = request
    const answer = forward({ host: "127.0.0.1", port: inner, path: url, method, headers, agent: false }, (inside) => {
      response.writeHead(inside.statusCode ?? 500, inside.headers)
      response.flushHeaders()
      inside.pipe(response)
    })
    answer.on("error", () => response.destroy())
    response.on("close", () => answer.destroy())
    return request.pipe(answer)
  })
  const port = await findFreePort()
  await new Promise<void>((resolve) => door.listen(port, resolve))
  return {
    url: `http://127.0.0.1:${port}${transport === "http" ? "/mcp" : "/sse"}`,
    received,
    stop: async () => {
      await closed(door)
      child.kill("SIGKILL")
      await exited
    }
  }
}

/** Programs that are no good MCP servers. */
export const misbehaving = {
  /** Ends before it has said anything. */
  crashes: { command: "false" },
  absent: { command: "/nowhere/mcp-server" },
  /** Takes everything and says nothing. */
  hangs: { command: "sleep", args: ["600"] },
  /** Never ends its first line. */
  floods: { command: "sh", args: ["-c", "exec cat /dev/zero"] },
  /** Says something else. */
  babbles: { command: "sh", args: ["-c", "echo 'Welcome to my server!'; exec sleep 600"] },
  /** Speaks JSON-RPC, and answers `initialize` with what is no answer to it. */
  lies: {
    command: "sh",
    args: ["-c", `read -r line; echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":7}}'; exec sleep 600`]
  }
} as const
