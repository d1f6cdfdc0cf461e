// Watches a real Prometheus find out that Redis is dead: checks the rules with promtool, runs their tests, then scrapes
// a live Causeway on a PostgreSQL and a Redis of its own, kills Redis, and waits for RedisDown to fire and to end.
import { execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { onFreePort } from "../../test/launchers/Ports.ts"
import { startPostgres } from "../../test/launchers/Postgres.ts"
import { findPrometheus, type PrometheusBinaries } from "../../test/launchers/PrometheusBinary.ts"
import { startRedis } from "../../test/launchers/Redis.ts"
import { at, listAt, textAt } from "../../test/service/Json.ts"
import { makeDataDirectory, startService } from "../../test/service/Service.ts"
import type { Findings } from "./Part.ts"

const run = promisify(execFile)

const ops = join(import.meta.dirname, "../../ops")

const said: Array<string> = []

const say = (text: string) => {
  said.push(text)
  process.stdout.write(`${text}\n`)
}

const promtool = async ({ promtool }: PrometheusBinaries, ...args: ReadonlyArray<string>): Promise<void> => {
  const { stderr, stdout } = await run(promtool, args, { cwd: ops })
  say(`$ promtool ${args.join(" ")}`)
  say(`${stdout}${stderr}`.trim().replaceAll(/^/gm, "  "))
}

/** Until something is there; the time that it took, in seconds. */
const until = async (what: string, seconds: number, look: () => Promise<boolean>): Promise<number> => {
  const since = performance.now()
  for (;;) {
    if (await look().catch(() => false)) return (performance.now() - since) / 1000
    if (performance.now() - since > seconds * 1000) throw new Error(`Not within ${seconds} s: ${what}`)
    await sleep(200)
  }
}

interface Prometheus {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Prometheus with the rules of this repository, which looks every second. */
const startPrometheus = async (binaries: PrometheusBinaries, target: string): Promise<Prometheus> => {
  const directory = await mkdtemp(join(tmpdir(), "causeway-prometheus-"))
  await cp(join(ops, "alerts.yml"), join(directory, "alerts.yml"))
  const configuration = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["alerts.yml"],
    scrape_configs: [{ job_name: "causeway", static_configs: [{ targets: [new URL(target).host] }] }]
  }
  // JSON is YAML.
  await writeFile(join(directory, "prometheus.yml"), JSON.stringify(configuration))
  let url = ""
  let end = async () => {}
  await onFreePort(async (port) => {
    url = `http://127.0.0.1:${port}`
    const child = spawn(
      binaries.prometheus,
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`
      ],
      { stdio: "ignore" }
    )
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()))
    end = async () => {
      child.kill("SIGTERM")
      await exited
    }
    await until("Prometheus is ready", 30, async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`)
      return (await fetch(`${url}/-/ready`)).ok
    })
  })
  return {
    url,
    stop: async () => {
      await end()
      await rm(directory, { recursive: true, force: true })
    }
  }
}

interface Alert {
  readonly state: string
  readonly name: string
  readonly labels: unknown
  readonly summary: string
  readonly documentation: string
}

const namesOf = (alerts: ReadonlyArray<Alert>): string => alerts.map(({ name }) => name).join(", ") || "none"

const alertsOf = async ({ url }: Prometheus): Promise<ReadonlyArray<Alert>> => {
  const answer: unknown = await (await fetch(`${url}/api/v1/alerts`)).json()
  return listAt(answer, "data.alerts").map((alert) => ({
    state: textAt(alert, "state"),
    name: textAt(alert, "labels.alertname"),
    labels: at(alert, "labels"),
    summary: textAt(alert, "annotations.summary"),
    documentation: textAt(alert, "annotations.documentation")
  }))
}

const valueOf = async ({ url }: Prometheus, query: string): Promise<string | undefined> => {
  const answer: unknown = await (await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)).json()
  const [first] = listAt(answer, "data.result")
  return first === undefined ? undefined : String(listAt(first, "value")[1])
}

const proveLive = async (binaries: PrometheusBinaries): Promise<void> => {
  await using cleanup = new AsyncDisposableStack()
  const postgres = await startPostgres({ fsync: false })
  cleanup.defer(() => postgres.stop())
  const redis = await startRedis()
  cleanup.defer(() => redis.stop())
  const dataDir = await makeDataDirectory()
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const service = await startService({
    database: postgres.url,
    redis: redis.url,
    dataDir,
    model: "http://127.0.0.1:1",
    env: { ENCRYPTION_KEY: randomBytes(32).toString("base64"), WORKSPACE_ROOTS: join(dataDir, "workspaces") }
  })
  cleanup.defer(async () => {
    await service.stop()
  })
  const prometheus = await startPrometheus(binaries, service.url)
  cleanup.defer(() => prometheus.stop())

  await until("the first scrapes", 30, async () => (await valueOf(prometheus, "redis_down")) === "0")
  // A few more, so that an increase has something to increase from.
  await sleep(3000)
  const checked = run(binaries.promtool, ["check", "metrics"])
  checked.child.stdin?.end(await (await fetch(`${service.url}/metrics`)).text())
  await checked
  say("$ promtool check metrics: no complaint")
  const before = await alertsOf(prometheus)
  say(`Causeway is scraped every second; alerts: ${namesOf(before)}`)
  if (before.length > 0) throw new Error("A healthy service alerts")

  const firing = async () =>
    (await alertsOf(prometheus)).find(({ name, state }) => name === "RedisDown" && state === "firing")
  await redis.kill()
  say("Redis is killed.")
  const seen = await until("RedisDown fires", 30, async () => (await firing()) !== undefined)
  const alert = await firing()
  say(`RedisDown fires after ${seen.toFixed(1)} s, without any request: ${JSON.stringify(alert?.labels)}`)
  say(`  ${alert?.summary} (${alert?.documentation})`)

  const { body, status } = await service.request("POST", "/api/v1/query", { body: { prompt: "Is anybody there?" } })
  say(`A query is answered with ${status}: ${JSON.stringify(body)}`)
  if (status !== 503) throw new Error("A query is not refused while Redis is away")
  const counted = 'api_errors_total{error_code="ERR_REDIS_UNAVAILABLE"}'
  await until("the failure is counted", 10, async () => Number(await valueOf(prometheus, counted)) > 0)
  say(`${counted} is ${await valueOf(prometheus, counted)}`)

  await redis.restart()
  say("Redis is started again.")
  const back = await until("redis_down is 0 again", 30, async () => (await valueOf(prometheus, "redis_down")) === "0")
  say(`redis_down is 0 after ${back.toFixed(1)} s; the alert stays for 5 minutes, since requests have failed.`)
  const others = (await alertsOf(prometheus)).filter(({ name }) => name !== "RedisDown")
  say(`Other alerts: ${namesOf(others)}`)
  if (others.length > 0) throw new Error("Something alerts that is in order")
}

/** All of it; throws at the first thing that is not as it should be. */
export const proveAlerts = async (): Promise<Findings> => {
  const binaries = await findPrometheus()
  await promtool(binaries, "check", "rules", "alerts.yml")
  await promtool(binaries, "check", "config", "prometheus.yml")
  await promtool(binaries, "test", "rules", "alerts.test.yml")
  await proveLive(binaries)
  return {
    commands: ["npm run proof -- alerts"],
    failures: [],
    text: [
      "The rules of `ops/alerts.yml` pass promtool and their own tests. Then a real Prometheus scrapes a live Causeway, and its Redis is killed:",
      ["```", ...said, "```"].join("\n")
    ].join("\n\n")
  }
}
