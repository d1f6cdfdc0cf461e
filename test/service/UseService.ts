import { afterAll, assert, beforeAll } from "vitest"
import { type ScriptedModel, startScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import { agentProcesses } from "./AgentProcesses.ts"
import { freshDatabase } from "./Database.ts"
import { type Service, type ServiceOptions, startService } from "./Service.ts"

/** A scripted model for the tests of a file. */
export const useModel = (): (() => ScriptedModel) => {
  let model: ScriptedModel | undefined
  beforeAll(async () => {
    model = await startScriptedModel()
  })
  afterAll(() => model?.stop())
  return () => {
    if (model === undefined) throw new Error("The model has not been started")
    return model
  }
}

/** Stops a service, if it has been started, with SIGTERM, and makes sure that it went well and left nothing behind. */
export const stopCleanly = async (service: Service | undefined): Promise<void> => {
  if (service === undefined) return
  assert.strictEqual(await service.stop(), 0, service.output())
  assert.deepEqual(agentProcesses(service.dataDir), [], "processes of agents are left")
}

/** What a file of tests works with. */
export interface Setting {
  readonly service: Service
  readonly model: ScriptedModel
  /** The URL of the service's PostgreSQL. */
  readonly database: string
}

/** One service on an empty database of a PostgreSQL, with a scripted model, for the tests of a file. */
export const useService = (options: Omit<Partial<ServiceOptions>, "database" | "model"> = {}): (() => Setting) => {
  const model = useModel()
  let setting: Setting | undefined
  beforeAll(async () => {
    const database = await freshDatabase()
    const service = await startService({ ...options, database, model: model().url })
    setting = { service, database, model: model() }
  })
  afterAll(() => stopCleanly(setting?.service))
  return () => {
    if (setting === undefined) throw new Error("The service has not been started")
    return setting
  }
}
