import { execFile } from "node:child_process"
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { findOnPath, isExecutable } from "./Executables.ts"
import { isAlive } from "./Processes.ts"

const run = promisify(execFile)

/** How `redis-server` is run. */
export interface RedisBinary {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

const cache = join(import.meta.dirname, "../../.cache")
const unpacked = join(cache, "redis")

const whatToInstall =
  "Install one of: Debian or Ubuntu's package `redis-server`, or `valkey-server`; or set REDIS_SERVER_BIN to the " +
  "path of either program."

const debianPackages = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"]

const libraryDirectory = (root: string): string => {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64"
  return join(root, `usr/lib/${machine}-linux-gnu`)
}

const inRoot = (root: string): RedisBinary => ({
  command: join(root, "usr/bin/redis-server"),
  env: { LD_LIBRARY_PATH: libraryDirectory(root) }
})

const probe = ({ command, env }: RedisBinary) => run(command, ["--version"], { env: { ...process.env, ...env } })

/** Downloads Debian's packages and unpacks them below `root`. Needs no privilege and changes nothing else. */
const unpackDebianPackages = async (root: string): Promise<void> => {
  const scratch = await mkdtemp(join(cache, "apt-"))
  try {
    const lists = join(scratch, "lists")
    const archives = join(scratch, "cache/archives")
    await mkdir(join(lists, "partial"), { recursive: true })
    await mkdir(join(archives, "partial"), { recursive: true })
    const settings = [
      `Dir::State::lists=${lists}`,
      `Dir::Cache=${join(scratch, "cache")}`,
      "Debug::NoLocking=1",
      // The download would otherwise run as user _apt, who may not write here.
      "APT::Sandbox::User="
    ]
    const options = ["-qq", ...settings.flatMap((setting) => ["-o", setting])]
    await run("apt-get", [...options, "update"], { timeout: 120_000 })
    await run("apt-get", [...options, "download", ...debianPackages], { cwd: archives, timeout: 120_000 })
    const files = (await readdir(archives)).filter((name) => name.endsWith(".deb"))
    for (const file of files) await run("dpkg-deb", ["-x", join(archives, file), root])
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Runs `work` in one process at a time; a lock left by a dead process is taken over. */
const withLock = async (path: string, work: () => Promise<void>): Promise<void> => {
  for (;;) {
    try {
      const lock = await open(path, "wx")
      await lock.writeFile(String(process.pid))
      await lock.close()
      break
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
      const holder = Number(await readFile(path, "utf8").catch(() => ""))
      if (holder > 0 && !isAlive(holder)) await rm(path, { force: true })
      else await sleep(100)
    }
  }
  try {
    await work()
  } finally {
    await rm(path, { force: true })
  }
}

const fetchOnce = async (): Promise<void> => {
  if (isExecutable(inRoot(unpacked).command)) return
  const partial = await mkdtemp(join(cache, "redis-partial-"))
  try {
    await unpackDebianPackages(partial)
    await probe(inRoot(partial))
    // Other users of this checkout run it too, and a temporary directory is private.
    await chmod(partial, 0o755)
    await rename(partial, unpacked)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

const fetchRedis = async (): Promise<RedisBinary> => {
  const binary = inRoot(unpacked)
  if (isExecutable(binary.command)) return binary
  if (findOnPath("apt-get") === undefined || findOnPath("dpkg-deb") === undefined) {
    throw new Error(`No Redis found, and no apt-get to fetch one. ${whatToInstall}`)
  }
  try {
    await mkdir(cache, { recursive: true })
    await withLock(join(cache, "redis.lock"), fetchOnce)
  } catch (cause) {
    throw new Error(`No Redis found, and Debian's packages could not be fetched. ${whatToInstall}`, { cause })
  }
  return binary
}

/**
 * Finds Redis: the program `REDIS_SERVER_BIN` names, else redis-server or
 * valkey-server on PATH, else Debian's packages, unpacked once into
 * `.cache/redis` of this repository.
 */
export const findRedisBinary = async (): Promise<RedisBinary> => {
  const chosen = process.env["REDIS_SERVER_BIN"] ?? ""
  if (chosen !== "") {
    if (isExecutable(chosen)) return { command: chosen, env: {} }
    throw new Error(`REDIS_SERVER_BIN=${chosen} is not an executable file. ${whatToInstall}`)
  }
  const installed = findOnPath("redis-server", "valkey-server")
  return installed === undefined ? fetchRedis() : { command: installed, env: {} }
}
