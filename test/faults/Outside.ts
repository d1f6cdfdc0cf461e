import { Client } from "pg"
import { until } from "../service/Polling.ts"

/** A row as it stands in the database. */
export type DatabaseRow = Readonly<Record<string, unknown>>

/** The role that the service connects as. It is no superuser, so that rights and limits hold for it. */
export const serviceRole = "causeway_service"

/** Its password. The server asks for none; the service must keep it to itself all the same. */
export const servicePassword = "password-of-the-service-role"

const connect = async (url: string): Promise<Client> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 30_000 })
  // A connection that is lost while idle would end this process.
  client.on("error", () => undefined)
  await client.connect()
  return client
}

const withClient = async <A>(url: string, use: (client: Client) => Promise<A>): Promise<A> => {
  const client = await connect(url)
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A database of a server as its superuser sees it, behind the service's back. */
export class Outside {
  readonly url: string
  readonly name: string
  readonly #server: string
  #locks: Client | undefined

  constructor(server: string, name: string) {
    this.#server = server
    this.name = name
    this.url = Outside.#at(server, name)
  }

  static #at(server: string, name: string): string {
    const url = new URL(server)
    url.pathname = `/${name}`
    return url.href
  }

  /** What the service connects to. */
  get serviceUrl(): string {
    const url = new URL(this.url)
    url.username = serviceRole
    url.password = servicePassword
    return url.href
  }

  /** Makes the role of the service unless it is there. */
  static async makeRole(server: string): Promise<void> {
    await withClient(server, (client) =>
      client.query(`DO $$ BEGIN
        CREATE ROLE ${serviceRole} LOGIN PASSWORD '${servicePassword}';
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
    )
  }

  /** Makes a database that belongs to the service's role, as a copy of another one. */
  static async create(server: string, name: string, template = "template0"): Promise<Outside> {
    await withClient(server, (client) =>
      client.query(`CREATE DATABASE ${name} OWNER ${serviceRole} TEMPLATE ${template}`)
    )
    return new Outside(server, name)
  }

  rows(text: string, values: ReadonlyArray<unknown> = []): Promise<ReadonlyArray<DatabaseRow>> {
    return withClient(this.url, async (client) => (await client.query(text, values)).rows)
  }

  /** The number that a query counts. */
  async count(text: string, values: ReadonlyArray<unknown> = []): Promise<number> {
    const [row = {}] = await this.rows(`SELECT count(*)::int AS n FROM ${text}`, values)
    return Number(row["n"])
  }

  /** Runs a statement on the server, next to the database. */
  async command(text: string): Promise<void> {
    await withClient(this.#server, (client) => client.query(text))
  }

  /** Takes locks and keeps them until `release`. The statement may have to wait, and then others wait behind it. */
  async lock(text: string): Promise<void> {
    const client = (this.#locks ??= await connect(this.url))
    await client.query("BEGIN")
    await client.query(text)
  }

  /** Asks for the tables, one after the other; the last is somebody else's now, and whoever wants it waits behind. */
  async queueLock(tables: ReadonlyArray<string>): Promise<void> {
    const client = await connect(this.url)
    this.#queued = client
    await client.query("BEGIN")
    void client.query(`LOCK TABLE ${tables.join(", ")} IN ACCESS EXCLUSIVE MODE`).catch(() => undefined)
    await until(
      "the lock is asked for",
      async () =>
        (await this.count(`pg_locks WHERE relation = $1::regclass AND mode = 'AccessExclusiveLock'`, [tables.at(-1)])) >
        0
    )
  }

  #queued: Client | undefined

  /** Gives all locks back. */
  async release(): Promise<void> {
    const clients = [this.#locks, this.#queued]
    this.#locks = undefined
    this.#queued = undefined
    await Promise.all(clients.map((client) => client?.end().catch(() => undefined)))
  }

  /** How many statements of the service wait for a lock. */
  waiting(): Promise<number> {
    return this.count(`pg_stat_activity WHERE datname = $1 AND usename = $2 AND wait_event_type = 'Lock'`, [
      this.name,
      serviceRole
    ])
  }

  /** Ends every connection of the service, and waits until the last of them is gone. */
  async endConnections(): Promise<void> {
    const pids = (await this.#connections()).map(({ pid }) => Number(pid))
    await this.rows(`SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid`, [pids])
    await until("the service's connections are gone", async () =>
      (await this.#connections()).every(({ pid }) => !pids.includes(Number(pid)))
    )
  }

  #connections(): Promise<ReadonlyArray<DatabaseRow>> {
    return this.rows("SELECT pid FROM pg_stat_activity WHERE datname = $1 AND usename = $2", [this.name, serviceRole])
  }
}
