import { randomBytes } from "node:crypto"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Balancer, type BalancerName, startBalancer } from "../launchers/Balancer.ts"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"
import {
  makeDataDirectory,
  operatorKey,
  type Requester,
  requester,
  type Service,
  startService
} from "../service/Service.ts"

/** How a cluster is started. */
export interface ClusterOptions {
  readonly instances: number
  /** Where the model is. */
  readonly model: string
  /** Settings of all instances. */
  readonly env?: Readonly<Record<string, string>>
  /** What stands before the instances; our own round robin unless given. */
  readonly balancer?: BalancerName
  /** The way to the database of one instance, when it is not the straight one. */
  readonly route?: (index: number, database: string) => Promise<string>
}

/** Several instances on one PostgreSQL, one Redis and shared workspaces. */
export interface Cluster {
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly database: string
  /** Where the workspaces of all tenants are. */
  readonly workspaces: string
  /** The instances that run, each at its place. */
  readonly instances: ReadonlyArray<Service>
  readonly balancer: Balancer
  /** Sends requests to the balancer. */
  readonly front: Requester
  /** Starts a new instance in place of one that is gone. */
  replace(index: number): Promise<Service>
  /** Kills all that is left and removes the directories. */
  stop(): Promise<void>
}

/** Starts a cluster on an empty database. */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { model, route = async (_index: number, url: string) => url } = options
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  const database = await postgres.createDatabase()
  const workspaces = await realpath(await mkdtemp(join(tmpdir(), "causeway-roots-")))
  const env = { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: workspaces, ...options.env }
  const directories = [workspaces]

  const start = async (index: number, port: string): Promise<Service> => {
    const dataDir = await makeDataDirectory()
    directories.push(dataDir)
    return startService({
      database: await route(index, database),
      redis: redis.url,
      model,
      env: { ...env, PORT: port },
      dataDir
    })
  }

  const instances = await Promise.all(Array.from({ length: options.instances }, (_, index) => start(index, "0")))
  const ports = instances.map(({ url }) => new URL(url).port)
  const balancer = await startBalancer(options.balancer ?? "round-robin", ports.map(Number))
  return {
    balancer,
    front: requester(balancer.url, operatorKey),
    postgres,
    redis,
    database,
    workspaces,
    instances,
    replace: async (index) => {
      const service = await start(index, ports[index] ?? "0")
      instances[index] = service
      return service
    },
    stop: async () => {
      await balancer.stop()
      await Promise.all(instances.map((service) => service.kill9()))
      await Promise.all([redis.stop(), postgres.stop()])
      await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
    }
  }
}
