import { mkdtemp, realpath } from "node:fs/promises"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onFreePort } from "./Ports.ts"
import { findRedisBinary } from "./RedisBinary.ts"
import { ServerProcess } from "./ServerProcess.ts"

/** How a private Redis is started. */
export interface RedisOptions {
  /** True: every write goes to disk before it is answered, and survives `kill`. False unless told. */
  readonly appendOnly?: boolean
}

/** A private Redis on 127.0.0.1 that ends, files included, with the process that started it. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The working directory. */
  readonly dir: string
  /** The pid of the server; empty while it is down. */
  readonly processes: ReadonlyArray<number>
  /** What the server logged. */
  readonly log: string
  /** Kills the server with SIGKILL and waits until it is gone. */
  kill(): Promise<void>
  /** Starts the server again on the same port; shuts it down first when it still runs. */
  restart(): Promise<void>
  /** Suspends the server: connections stay open, nothing answers. */
  freeze(): Promise<void>
  /** Ends a freeze. */
  thaw(): Promise<void>
  /** Ends the server and removes its files. */
  stop(): Promise<void>
}

// A stranger's server may answer on the port before ours has found it taken: ask for the directory. PING is refused
// while the server still loads its data, and CONFIG is not.
const servesDirectory = (port: number, directory: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1")
    let answer = ""
    socket.setTimeout(1000, () => socket.destroy())
    socket.on("connect", () => socket.write("CONFIG GET dir\r\nPING\r\n"))
    socket.on("data", (chunk) => {
      answer += chunk.toString()
      if (/[-+][A-Z]+ ?.*\r\n$/.test(answer)) socket.destroy()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resolve(answer.includes(directory) && answer.endsWith("+PONG\r\n")))
  })

const serverArguments = (directory: string, port: number, { appendOnly = false }: RedisOptions) => {
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    dir: directory,
    save: "",
    appendonly: appendOnly ? "yes" : "no",
    appendfsync: "always"
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

/** Starts a private, empty Redis and resolves when it answers. */
export const startRedis = async (options: RedisOptions = {}): Promise<RedisServer> => {
  const binary = await findRedisBinary()
  const directory = await realpath(await mkdtemp(join(tmpdir(), "causeway-redis-")))
  const server = new ServerProcess({
    name: "Redis",
    command: binary.command,
    env: { LC_ALL: "C", TZ: "UTC", ...binary.env },
    directory,
    deathSignal: "SIGKILL"
  })
  const startOn = (port: number) =>
    server.start(serverArguments(directory, port, options), () => servesDirectory(port, directory))

  try {
    const port = await onFreePort(startOn)
    return {
      url: `redis://127.0.0.1:${port}`,
      port,
      dir: directory,
      get processes() {
        return server.processes
      },
      get log() {
        return server.log
      },
      kill: () => server.kill(),
      restart: async () => {
        await server.terminate("SIGTERM")
        await startOn(port)
      },
      freeze: () => server.freeze(),
      thaw: async () => server.thaw(),
      stop: () => server.dispose()
    }
  } catch (cause) {
    await server.dispose()
    throw cause
  }
}
