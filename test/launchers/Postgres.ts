import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chown, mkdir, mkdtemp, realpath } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Client } from "pg"
import { onFreePort } from "./Ports.ts"
import { findPostgresBinaries, type PostgresBinaries } from "./PostgresBinaries.ts"
import { ServerProcess } from "./ServerProcess.ts"
import { releaseSharedMemory } from "./SharedMemory.ts"

const run = promisify(execFile)

/** How a private PostgreSQL is started. */
export interface PostgresOptions {
  /** False: commits do not wait for the disk. Faster, and not for crash tests. True unless told. */
  readonly fsync?: boolean
  /** Settings as in postgresql.conf, for instance `{ max_connections: 20 }`. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** A private PostgreSQL on 127.0.0.1 that ends, files included, with the process that started it. */
export interface PostgresServer {
  /** The database `postgres`, as superuser `postgres` without a password. */
  readonly url: string
  readonly port: number
  /** The data directory. */
  readonly dir: string
  /** The pids of the postmaster and its backends; empty while the server is down. */
  readonly processes: ReadonlyArray<number>
  /** What the server logged. */
  readonly log: string
  /** Creates an empty database and returns its URL. */
  createDatabase(name?: string): Promise<string>
  /** Kills the postmaster and all backends with SIGKILL and waits until they are gone. */
  kill(): Promise<void>
  /** Starts the server again, on the same port and data; shuts it down first when it still runs. */
  restart(): Promise<void>
  /** Suspends the postmaster and all backends: connections stay open, nothing answers. */
  freeze(): Promise<void>
  /** Ends a freeze. */
  thaw(): Promise<void>
  /** Ends the server and removes its files. */
  stop(): Promise<void>
}

const withClient = async <A>(url: string, use: (client: Client) => Promise<A>): Promise<A> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 30_000 })
  // Without a listener, a connection lost while idle would end this process.
  client.on("error", () => undefined)
  try {
    await client.connect()
    return await use(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

const uniqueName = (): string => `test_${randomBytes(6).toString("hex")}`

/**
 * Creates an empty database on the server at `url` and returns its URL. For
 * those who know no more of a server than its URL, such as a test worker.
 */
export const createDatabase = async (url: string, name: string = uniqueName()): Promise<string> => {
  await withClient(url, (client) => client.query(`create database ${quoteIdentifier(name)} template template0`))
  const created = new URL(url)
  created.pathname = `/${encodeURIComponent(name)}`
  return created.href
}

// A stranger's server may answer on the port before ours has found it taken.
const servesDirectory = (url: string, data: string): Promise<boolean> =>
  withClient(url, (client) => client.query("show data_directory")).then(
    ({ rows }) => rows[0]?.["data_directory"] === data,
    () => false
  )

const environment = (): Record<string, string> => {
  // Not the whole environment: PGDATA, PGOPTIONS and their like would change the server.
  const inherited = ["PATH", "LD_LIBRARY_PATH"].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...Object.fromEntries(inherited), LC_ALL: "C", TZ: "UTC" }
}

const initialize = async (data: string, { bin, user }: PostgresBinaries): Promise<void> => {
  const args = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
  await run(join(bin, "initdb"), args, { cwd: data, env: environment(), ...user })
}

const makeDirectory = async ({ user }: PostgresBinaries): Promise<string> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "causeway-postgres-")))
  const data = join(directory, "data")
  await mkdir(data, { mode: 0o700 })
  if (user !== undefined) {
    await chown(directory, user.uid, user.gid)
    await chown(data, user.uid, user.gid)
  }
  return directory
}

const serverArguments = (data: string, port: number, { fsync = true, settings = {} }: PostgresOptions) => {
  const durability = fsync ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }
  const all = { shared_buffers: "64MB", ...durability, ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  return ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...flags]
}

/** Starts a private PostgreSQL with fresh data and resolves when it answers queries. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<PostgresServer> => {
  const binaries = await findPostgresBinaries()
  const directory = await makeDirectory(binaries)
  const data = join(directory, "data")
  const server = new ServerProcess({
    name: "PostgreSQL",
    command: join(binaries.bin, "postgres"),
    env: environment(),
    user: binaries.user,
    directory,
    deathSignal: "SIGQUIT"
  })
  const urlOn = (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`
  const startOn = (port: number) =>
    server.start(serverArguments(data, port, options), () => servesDirectory(urlOn(port), data))
  const stop = async () => {
    await server.end()
    await releaseSharedMemory(data)
    await server.dispose()
  }

  try {
    await initialize(data, binaries)
    const port = await onFreePort(startOn)
    return {
      url: urlOn(port),
      port,
      dir: data,
      get processes() {
        return server.processes
      },
      get log() {
        return server.log
      },
      createDatabase: (name) => createDatabase(urlOn(port), name),
      kill: () => server.kill(),
      restart: async () => {
        await server.terminate("SIGINT")
        await startOn(port)
      },
      freeze: () => server.freeze(),
      thaw: async () => server.thaw(),
      stop
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}
