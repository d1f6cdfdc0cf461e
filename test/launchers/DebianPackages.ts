import { execFile } from "node:child_process"
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { findOnPath, isExecutable } from "./Executables.ts"
import { isAlive } from "./Processes.ts"

const run = promisify(execFile)

const cache = join(import.meta.dirname, "../../.cache")

/** A program that comes in Debian's packages. */
export interface DebianProgram {
  /** The directory below `.cache` that holds it. */
  readonly name: string
  readonly packages: ReadonlyArray<string>
  /** Its path in the packages. */
  readonly executable: string
  /** Fails when the program, unpacked below `root`, does not run. */
  readonly probe: (root: string) => Promise<unknown>
}

/** Downloads Debian's packages and unpacks them below `root`. Needs no privilege and changes nothing else. */
const unpack = async (packages: ReadonlyArray<string>, root: string): Promise<void> => {
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
    await run("apt-get", [...options, "download", ...packages], { cwd: archives, timeout: 120_000 })
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

const unpackOnce = async (program: DebianProgram, root: string): Promise<void> => {
  if (isExecutable(join(root, program.executable))) return
  const partial = await mkdtemp(join(cache, `${program.name}-partial-`))
  try {
    await unpack(program.packages, partial)
    await program.probe(partial)
    // Other users of this checkout run it too, and a temporary directory is private.
    await chmod(partial, 0o755)
    await rename(partial, root)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** Fetches a program once into `.cache` of this repository, and answers with the directory that it lies in. */
export const fetchDebianProgram = async (program: DebianProgram): Promise<string> => {
  const root = join(cache, program.name)
  if (isExecutable(join(root, program.executable))) return root
  if (findOnPath("apt-get") === undefined || findOnPath("dpkg-deb") === undefined) {
    throw new Error("There is no apt-get to fetch it")
  }
  await mkdir(cache, { recursive: true })
  await withLock(join(cache, `${program.name}.lock`), () => unpackOnce(program, root))
  return root
}
