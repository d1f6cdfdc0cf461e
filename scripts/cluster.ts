// `npm run cluster`: several instances on one PostgreSQL, one Redis and shared workspaces, behind one address.
// Usage: node scripts/cluster.ts [--instances 3] [--balancer haproxy|nginx|round-robin]
// All of it is private and gone at the end. Without ANTHROPIC_API_KEY the scripted model answers.
import { once } from "node:events"
import { parseArgs } from "node:util"
import { startCluster } from "../test/cluster/Cluster.ts"
import { balancerOf, installedBalancer } from "../test/launchers/Balancer.ts"
import { operatorKey } from "../test/service/Service.ts"
import { startScriptedModel } from "./scripted-model/ScriptedModel.ts"

const { values } = parseArgs({
  options: { instances: { type: "string", default: "3" }, balancer: { type: "string" } }
})

const say = (text: string) => process.stdout.write(`${text}\n`)

const { ANTHROPIC_API_KEY: modelKey, ANTHROPIC_BASE_URL: modelUrl } = process.env
const scripted = modelKey === undefined ? await startScriptedModel() : undefined

say("Starting PostgreSQL, Redis and the instances …")
const cluster = await startCluster({
  instances: Number(values.instances),
  balancer: values.balancer === undefined ? installedBalancer() : balancerOf(values.balancer),
  model: scripted?.url ?? modelUrl ?? "https://api.anthropic.com",
  ...(modelKey === undefined ? {} : { env: { ANTHROPIC_API_KEY: modelKey } })
})

say(`
all        ${cluster.balancer.url}   (${cluster.balancer.name})
${cluster.instances.map(({ pid, url }, index) => `instance ${index + 1} ${url}   pid ${pid}`).join("\n")}
database   ${cluster.database}
redis      ${cluster.redis.url}
model      ${scripted === undefined ? "real" : `scripted, ${scripted.url}`}

curl -N -H 'X-API-Key: ${operatorKey}' -H 'Content-Type: application/json' \\
  -d '{"prompt": "Hello"}' ${cluster.balancer.url}/api/v1/query

kill -9 one of them while it works; Ctrl-C ends all.`)

await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")])
say("Stopping …")
await cluster.stop()
await scripted?.stop()
process.exit(0)
