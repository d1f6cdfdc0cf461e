import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startProgram } from "./Program.ts"

/** The service as `npm start` runs it, on a PostgreSQL server. */
export interface Causeway {
  readonly url: URL
  readonly pid: number
  /** The operator's key. */
  readonly apiKey: string
  readonly stop: () => Promise<void>
}

const apiKey = "benchmark-operator-key"

/** The address that a program says it listens on. */
export const listening = /listening on (http:\/\/[^\s"]+)/

export const startCauseway = async (databaseUrl: string, modelUrl = "http://127.0.0.1:9"): Promise<Causeway> => {
  const directory = await mkdtemp(join(tmpdir(), "causeway-bench-"))
  const program = startProgram("src/main.ts", {
    API_KEY: apiKey,
    ANTHROPIC_API_KEY: "none",
    ANTHROPIC_BASE_URL: modelUrl,
    DATABASE_URL: databaseUrl,
    DATA_DIR: directory,
    LOG_FORMAT: "json",
    PORT: "0",
    RATE_LIMIT: "off",
    RATE_LIMIT_STARTS: "off"
  })
  const stop = async () => {
    await program.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const [, url = ""] = await program.line(listening)
    return { url: new URL(url), pid: program.pid, apiKey, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}
