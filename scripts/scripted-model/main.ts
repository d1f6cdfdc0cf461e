import { parseArgs } from "node:util"
import { startScriptedModel } from "./ScriptedModel.ts"

const { values } = parseArgs({
  options: { port: { type: "string" }, host: { type: "string" }, "api-key": { type: "string" } }
})

const model = await startScriptedModel({
  port: Number(values.port ?? 0),
  ...(values.host === undefined ? {} : { host: values.host }),
  ...(values["api-key"] === undefined ? {} : { apiKey: values["api-key"] })
})
console.log(model.url)

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void model.stop().then(() => process.exit(0)))
}
