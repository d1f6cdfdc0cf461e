// What must stand in no line that the service writes.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { at } from "./Json.ts"
import { keepForSuite } from "./SuiteSecrets.ts"

const secretSettings = ["API_KEY", "ENCRYPTION_KEY", "METRICS_KEY", "ANTHROPIC_API_KEY"]
const keyFiles = ["api-key", "encryption-key"]
const urlSettings = ["DATABASE_URL", "REDIS_URL"]

/** A shorter one may be part of a word. */
const leastLength = 12

const passwordsOf = (url: string | undefined): ReadonlyArray<string> => {
  if (url === undefined || !URL.canParse(url)) return []
  const { password } = new URL(url)
  return [password, decodeURIComponent(password)]
}

/** The secrets of one service: those it is configured with, and those that requests send and get. */
export class Secrets {
  readonly #known = new Set<string>()

  constructor(environment: Readonly<Record<string, string>>) {
    for (const name of secretSettings) this.add(environment[name])
    for (const name of urlSettings) for (const password of passwordsOf(environment[name])) this.add(password)
  }

  add(secret: unknown): void {
    if (typeof secret === "string" && secret.length >= leastLength) this.#known.add(secret)
  }

  /** Takes the key out of an answer that made one. */
  learn(answer: unknown): void {
    this.add(at(answer, "key"))
    this.add(at(answer, "api_key.key"))
    this.add(at(answer, "secret"))
  }

  /** Leaves what a service wrote, and what it must not have written, to the end of the run. */
  keep(output: string): Promise<void> {
    return keepForSuite(output, this.#known)
  }

  /** Throws with the lines that hold a secret. */
  async assertNoneIn(output: string, dataDir: string): Promise<void> {
    for (const name of keyFiles) this.add((await readFile(join(dataDir, name), "utf8").catch(() => "")).trim())
    const lines = output.split("\n").filter((line) => [...this.#known].some((secret) => line.includes(secret)))
    if (lines.length > 0) throw new Error(`The service wrote secrets:\n${lines.join("\n")}`)
  }
}
