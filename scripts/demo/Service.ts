import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { spawnBound } from "../../test/launchers/BoundProcess.ts"

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
// A first start takes seconds; a busy machine takes its time.
const startLimit = 120_000
const stopLimit = 20_000
const keptLines = 40

/** Causeway, running as a process of its own. */
export interface Service {
  readonly url: string
  /** The last lines of its log. */
  readonly log: () => string
  /** Ends it in good order; fails if it did not end so. */
  readonly stop: () => Promise<void>
}

/** Starts Causeway as a user does who has configured nothing but a model. */
export const startService = async (dataDirectory: string, modelUrl: string, signal: AbortSignal): Promise<Service> => {
  const { HOME, PATH } = process.env
  const child = spawnBound(process.execPath, [program], {
    deathSignal: "SIGTERM",
    // Of its own, so that Ctrl-C reaches the demo alone, which then ends the service in good order.
    detached: true,
    cwd: dataDirectory,
    stdio: ["ignore", "pipe", "pipe"],
    // Nothing else of the environment: a DATABASE_URL or a real model key of the user's stays out of the demo.
    env: {
      ...(HOME === undefined ? {} : { HOME }),
      ...(PATH === undefined ? {} : { PATH }),
      DATA_DIR: join(dataDirectory, "data"),
      PORT: "0",
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: "scripted-model",
      MEMORY_MODEL: "haiku",
      SHUTDOWN_GRACE: "1 second"
    }
  })
  const ended = once(child, "exit")
  const lines: Array<string> = []
  const listening = new Promise<string>((resolve) => {
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) continue
      createInterface(output).on("line", (line) => {
        lines.push(line)
        if (lines.length > keptLines) lines.shift()
        const url = /listening on (http:\/\/[^"\s]+)/.exec(line)?.[1]
        if (url !== undefined) resolve(url)
      })
    }
  })
  const log = () => lines.join("\n")

  const stop = async () => {
    child.kill("SIGTERM")
    const forced = setTimeout(() => child.kill("SIGKILL"), stopLimit)
    await ended.finally(() => clearTimeout(forced))
    if (child.exitCode !== 0) throw new Error(`Causeway ended with ${child.exitCode ?? child.signalCode}\n${log()}`)
  }

  const interrupted = once(signal, "abort")
  const url = await Promise.race([
    listening,
    ended.then(() => undefined),
    interrupted.then(() => undefined),
    sleep(startLimit, undefined, { ref: false })
  ])
  if (url !== undefined) return { url, log, stop }
  const reason = child.exitCode === null ? `within ${startLimit / 1000} s` : `and ended with ${child.exitCode}`
  if (child.exitCode === null) await stop().catch(() => undefined)
  signal.throwIfAborted()
  throw new Error(`Causeway did not start ${reason}\n${log()}`)
}
