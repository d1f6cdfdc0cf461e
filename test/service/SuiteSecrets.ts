// All that any service wrote in a run of the tests, and every secret that any of them used: none may stand in the other.
import { randomUUID } from "node:crypto"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Names the directory in which services leave what they wrote. Processes of the tests inherit it. */
const variable = "CAUSEWAY_SUITE_OUTPUT"

/** Keys that Causeway makes are known by their looks. */
const madeKey = /\bcw_[A-Za-z0-9_-]{43}/

/** Keeps what one service wrote, and its secrets, until the end of the run. */
export const keepForSuite = async (output: string, secrets: ReadonlySet<string>): Promise<void> => {
  const directory = process.env[variable]
  if (directory === undefined) return
  const name = join(directory, randomUUID())
  await writeFile(`${name}.secrets`, JSON.stringify([...secrets]))
  await writeFile(`${name}.output`, output)
}

/** The lines of all services that hold a secret of any of them. */
export const leaksIn = async (directory: string): Promise<ReadonlyArray<string>> => {
  const files = await readdir(directory)
  const readAll = (ending: string) =>
    Promise.all(files.filter((file) => file.endsWith(ending)).map((file) => readFile(join(directory, file), "utf8")))
  const known = (await readAll(".secrets")).flatMap((text): ReadonlyArray<string> => JSON.parse(text))
  const others = [...new Set(known)].filter((secret) => !madeKey.test(secret))
  const leaks: Array<string> = []
  for (const output of await readAll(".output")) {
    const found = others.filter((secret) => output.includes(secret))
    if (found.length === 0 && !madeKey.test(output)) continue
    const holds = (line: string) => madeKey.test(line) || found.some((secret) => line.includes(secret))
    leaks.push(...output.split("\n").filter(holds))
  }
  return leaks
}

/** Looks for secrets at the end of a run of the tests, and fails it if there are any. */
export const setup = async (): Promise<() => Promise<void>> => {
  const directory = await mkdtemp(join(tmpdir(), "causeway-suite-"))
  process.env[variable] = directory
  return async () => {
    const leaks = await leaksIn(directory)
    await rm(directory, { recursive: true, force: true })
    if (leaks.length > 0) throw new Error(`Services wrote secrets:\n${leaks.slice(0, 20).join("\n")}`)
  }
}
