import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { type DebianProgram, fetchDebianProgram } from "./DebianPackages.ts"
import { findOnPath, isExecutable } from "./Executables.ts"

const run = promisify(execFile)

/** How `redis-server` is run. */
export interface RedisBinary {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

const whatToInstall =
  "Install one of: Debian or Ubuntu's package `redis-server`, or `valkey-server`; or set REDIS_SERVER_BIN to the " +
  "path of either program."

const executable = "usr/bin/redis-server"

const libraryDirectory = (root: string): string => {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64"
  return join(root, `usr/lib/${machine}-linux-gnu`)
}

const inRoot = (root: string): RedisBinary => ({
  command: join(root, executable),
  env: { LD_LIBRARY_PATH: libraryDirectory(root) }
})

const probe = ({ command, env }: RedisBinary) => run(command, ["--version"], { env: { ...process.env, ...env } })

const debian: DebianProgram = {
  name: "redis",
  packages: ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"],
  executable,
  probe: (root) => probe(inRoot(root))
}

const fetchRedis = (): Promise<RedisBinary> =>
  fetchDebianProgram(debian).then(inRoot, (cause: unknown) => {
    throw new Error(`No Redis found, and Debian's packages could not be fetched. ${whatToInstall}`, { cause })
  })

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
