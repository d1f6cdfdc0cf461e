import { randomBytes } from "node:crypto"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type RedisServer, startRedis } from "../launchers/Redis.ts"
import { freshDatabase } from "./Database.ts"
import { makeDataDirectory, type Service, startService } from "./Service.ts"

/** Two instances of one installation. */
export interface Instances {
  readonly one: Service
  readonly two: Service
  readonly database: string
  readonly redis: RedisServer
  readonly workspaces: string
  /** Starts one more. */
  start(more?: Readonly<Record<string, string>>): Promise<Service>
  /** Kills what is left, and removes the directories. */
  stop(): Promise<void>
}

/** Starts two instances on a new database, a Redis of their own and shared workspaces. */
export const startInstances = async (model: string, env: Readonly<Record<string, string>> = {}): Promise<Instances> => {
  const [redis, database] = await Promise.all([startRedis(), freshDatabase()])
  const roots = await realpath(await mkdtemp(join(tmpdir(), "causeway-roots-")))
  const shared = { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: roots, ...env }
  const started: Array<Service> = []
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const dataDir = await makeDataDirectory()
    const service = await startService({ database, redis: redis.url, model, env: { ...shared, ...more }, dataDir })
    started.push(service)
    return service
  }
  const [one, two] = await Promise.all([start(), start()])
  return {
    one,
    two,
    database,
    redis,
    workspaces: roots,
    start,
    stop: async () => {
      await Promise.all([...started.map((service) => service.kill9()), redis.stop()])
      const directories = [roots, ...started.map(({ dataDir }) => dataDir)]
      await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
    }
  }
}
