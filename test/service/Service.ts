import type { ChildProcess } from "node:child_process"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawnBound } from "../launchers/BoundProcess.ts"
import { EventReader } from "./EventReader.ts"
import { keepExample } from "./Examples.ts"
import { eventually } from "./Polling.ts"
import { Secrets } from "./Secrets.ts"

/** How the service is started. */
export interface ServiceOptions {
  /** A PostgreSQL URL, or the embedded database in the data directory. */
  readonly database: "embedded" | (string & {})
  readonly redis?: string
  /** A new one, removed at the end, unless given. */
  readonly dataDir?: string
  /** Where the model is; without it the service has no credentials. */
  readonly model?: string
  /** The operator's key; `null`: none is configured. */
  readonly key?: string | null
  readonly env?: Readonly<Record<string, string>>
}

/** What a request carries. */
export interface RequestOptions {
  /** The API key; the operator's unless given, none when null. */
  readonly key?: string | null
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that is no stream. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed JSON; undefined where there is none. */
  readonly body: unknown
}

/** A line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>>

/** The service as a process of its own. */
export interface Service {
  readonly url: string
  readonly pid: number
  readonly dataDir: string
  /** The operator's key. */
  readonly key: string
  /** The log so far. */
  logs(): ReadonlyArray<LogLine>
  /** Everything written to its standard streams. */
  output(): string
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Sends a request whose answer must be a stream of events. */
  stream(method: string, path: string, options?: RequestOptions): Promise<EventReader>
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Kills it with SIGKILL and waits until it is gone. */
  kill9(): Promise<void>
  /** The exit code, once it has ended; null after a signal. */
  readonly exited: Promise<number | null>
}

/** A start that did not come to anything. */
export interface FailedStart {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** On a busy machine the embedded database takes long to be made. */
const startMillis = 90_000

/** As `npm start` has it. */
const program = [
  "--import",
  join(import.meta.dirname, "../../scripts/compile-cache.mjs"),
  join(import.meta.dirname, "../../src/main.ts")
]

export const operatorKey = "operator-key-of-the-tests"

const inherited = ["PATH", "LANG", "LD_LIBRARY_PATH"]

const environment = (options: ServiceOptions, dataDir: string): Record<string, string> => ({
  ...Object.fromEntries(
    inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  ),
  PORT: "0",
  DATA_DIR: dataDir,
  LOG_FORMAT: "json",
  // On a busy machine a search may take longer than the service allows it; what comes of that has tests of its own.
  MEMORY_RECALL_TIMEOUT: "5 seconds",
  ...(options.key === null ? {} : { API_KEY: options.key ?? operatorKey }),
  ...(options.database === "embedded" ? {} : { DATABASE_URL: options.database }),
  ...(options.redis === undefined ? {} : { REDIS_URL: options.redis }),
  ...(options.model === undefined
    ? {}
    : { ANTHROPIC_BASE_URL: options.model, ANTHROPIC_API_KEY: "model-key-of-the-tests" }),
  ...options.env
})

class ServiceProcess {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly dataDir: string
  readonly secrets: Secrets
  stdout = ""
  stderr = ""
  over = false

  constructor(options: ServiceOptions, dataDir: string) {
    this.dataDir = dataDir
    const env = environment(options, dataDir)
    this.secrets = new Secrets(env)
    this.child = spawnBound(process.execPath, program, {
      cwd: tmpdir(),
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text))
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text))
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject)
      this.child.once("close", (code) => {
        this.over = true
        resolve(code)
      })
    })
  }

  /** No test may end well whose service wrote a secret, be it its own or another's. */
  async assertDiscreet(): Promise<void> {
    for (const line of this.logs()) keepExample(line)
    const output = this.stdout + this.stderr
    await this.secrets.assertNoneIn(output, this.dataDir)
    await this.secrets.keep(output)
  }

  logs(): ReadonlyArray<LogLine> {
    return this.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .flatMap((line) => {
        try {
          return [JSON.parse(line)]
        } catch {
          // The last line may still be half written.
          return []
        }
      })
  }
}

/** Makes a data directory. */
export const makeDataDirectory = async (): Promise<string> =>
  realpath(await mkdtemp(join(tmpdir(), "causeway-service-")))

const send = async (
  url: string,
  key: string,
  method: string,
  path: string,
  options: RequestOptions,
  signal?: AbortSignal
) => {
  const { body, headers = {}, key: chosen } = options
  const used = chosen === undefined ? key : chosen
  return fetch(url + path, {
    method,
    headers: {
      ...(used === null ? {} : { "x-api-key": used }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal })
  })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What sends requests to an address. */
export type Requester = Pick<Service, "request" | "stream">

/** Sends requests to an address, with a key unless another is named; what must stay secret is kept in `secrets`. */
export const requester = (address: string, key: string, secrets = new Secrets({})): Requester => ({
  request: async (method, path, request = {}) => {
    secrets.add(request.key)
    const response = await send(address, key, method, path, request)
    const text = await response.text()
    const body = parse(text)
    secrets.learn(body)
    keepExample(body)
    return { status: response.status, headers: response.headers, text, body }
  },
  stream: async (method, path, request = {}) => {
    secrets.add(request.key)
    const abort = new AbortController()
    const response = await send(address, key, method, path, request, abort.signal)
    if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
      throw new Error(`No stream but ${response.status}: ${await response.text()}`)
    }
    return new EventReader(response, abort)
  }
})

/** Starts the service and waits until it takes requests. */
export const startService = async (options: ServiceOptions): Promise<Service> => {
  const own = options.dataDir === undefined
  const dataDir = options.dataDir ?? (await makeDataDirectory())
  const started = new ServiceProcess(options, dataDir)
  const address = await eventually(
    "the line `listening on`",
    () => {
      if (started.over) throw new Error(`The service ended at its start:\n${started.stdout}${started.stderr}`)
      const line = started.logs().find(({ message }) => String(message).startsWith("listening on "))
      return line === undefined ? undefined : String(line["message"]).slice("listening on ".length)
    },
    startMillis
  ).catch(async (cause: unknown) => {
    started.child.kill("SIGKILL")
    await started.exited
    if (own) await rm(dataDir, { recursive: true, force: true })
    throw new Error(`The service did not start:\n${started.stdout}${started.stderr}`, { cause })
  })
  const { child, exited } = started
  const key = options.key ?? operatorKey
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const code = await exited
    try {
      await started.assertDiscreet()
    } finally {
      if (own) await rm(dataDir, { recursive: true, force: true })
    }
    return code
  }
  return {
    url: address,
    pid: child.pid ?? 0,
    dataDir,
    key,
    logs: () => started.logs(),
    output: () => started.stdout + started.stderr,
    ...requester(address, key, started.secrets),
    stop: (signal = "SIGTERM") => end(signal),
    kill9: async () => {
      child.kill("SIGKILL")
      await exited
      await started.assertDiscreet()
    },
    exited
  }
}

/** Starts the service where it must not come up, and gives what it said. */
export const failToStart = async (options: ServiceOptions): Promise<FailedStart> => {
  const own = options.dataDir === undefined
  const dataDir = options.dataDir ?? (await makeDataDirectory())
  const started = new ServiceProcess(options, dataDir)
  try {
    await eventually("the end of a start that cannot succeed", () => started.over || undefined, startMillis)
    await started.assertDiscreet()
  } finally {
    started.child.kill("SIGKILL")
    await started.exited
    if (own) await rm(dataDir, { recursive: true, force: true })
  }
  return { code: await started.exited, stdout: started.stdout, stderr: started.stderr }
}
