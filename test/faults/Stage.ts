import { randomBytes } from "node:crypto"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ScriptedModel, startScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import { at, textAt } from "../service/Json.ts"
import { small } from "../service/Prompts.ts"
import { operatorKey, type Service, type ServiceOptions, startService } from "../service/Service.ts"
import { Outside, servicePassword } from "./Outside.ts"

/** What every fault begins with: a tenant with two keys and two sessions, in a database that is copied. */
export interface Template {
  readonly server: string
  readonly name: string
  readonly model: ScriptedModel
  /** A directory of agents' work that outlives each service. */
  readonly workspaces: string
  readonly tenantId: string
  /** A key that the service of a fault comes to know before the fault, and its hash. */
  readonly worker: string
  readonly workerHash: string
  /** A key that it has never seen. */
  readonly stranger: string
  /** A session to read and to go on with. */
  readonly kept: string
  /** A session to delete. */
  readonly doomed: string
  readonly remove: () => Promise<void>
}

/** A key of 32 bytes, as the settings want it. */
export const encryptionKey = randomBytes(32).toString("base64")

const uniqueName = (kind: string): string => `${kind}_${randomBytes(6).toString("hex")}`

/** Prepares the template on a server, with a service that is ended again. */
export const makeTemplate = async (server: string): Promise<Template> => {
  const model = await startScriptedModel()
  const workspaces = await realpath(await mkdtemp(join(tmpdir(), "causeway-faults-")))
  await Outside.makeRole(server)
  const outside = await Outside.create(server, uniqueName("template"))
  const service = await startService({
    database: outside.serviceUrl,
    model: model.url,
    env: { WORKSPACE_ROOTS: workspaces }
  })
  try {
    const made = await service.request("POST", "/api/v1/tenants", { body: { name: "workers" } })
    const worker = textAt(made.body, "api_key.key")
    const another = await service.request("POST", "/api/v1/api-keys", {
      key: worker,
      body: { name: "stranger", scopes: ["query"] }
    })
    const ask = async (prompt: string) => {
      const answer = await service.request("POST", "/api/v1/query/single", { key: worker, body: { ...small, prompt } })
      return textAt(answer.body, "session_id")
    }
    const [kept, doomed] = await Promise.all([ask("Keep this."), ask("Forget this.")])
    const [row] = await outside.rows("SELECT key_hash FROM api_keys WHERE id = $1", [at(made.body, "api_key.id")])
    return {
      server,
      name: outside.name,
      model,
      workspaces,
      tenantId: textAt(made.body, "id"),
      worker,
      workerHash: String(row?.["key_hash"]),
      stranger: textAt(another.body, "key"),
      kept,
      doomed,
      remove: async () => {
        await model.stop()
        await rm(workspaces, { recursive: true, force: true })
      }
    }
  } finally {
    await service.stop()
  }
}

/** One service on its own copy of the template. */
export interface Stage {
  readonly template: Template
  readonly outside: Outside
  readonly service: Service
  /** What must never be seen. */
  readonly secrets: ReadonlyArray<string>
}

/** Starts a service on a copy of the template; `through` makes its way to the database. */
export const openStage = async (
  template: Template,
  options: Omit<ServiceOptions, "database" | "model"> & { readonly through?: (url: string) => string } = {}
): Promise<Stage> => {
  const { through = (url) => url, env = {}, ...rest } = options
  const outside = await Outside.create(template.server, uniqueName("fault"), template.name)
  const service = await startService({
    ...rest,
    database: through(outside.serviceUrl),
    model: template.model.url,
    env: {
      // Starts that wait for the database must not be turned away for each other's sake.
      MAX_STARTS: "16",
      WORKSPACE_ROOTS: template.workspaces,
      ENCRYPTION_KEY: encryptionKey,
      // Longer than the 2.5 seconds after which an agent is frozen that cannot prove its lease.
      APPEND_TIMEOUT: "3 seconds",
      DATABASE_POOL: "40",
      ...env
    }
  })
  const secrets = [
    operatorKey,
    template.worker,
    template.stranger,
    servicePassword,
    encryptionKey,
    "model-key-of-the-tests"
  ]
  return { template, outside, service, secrets }
}
