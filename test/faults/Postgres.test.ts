import { afterAll, beforeAll } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { describeFault } from "./DescribeFault.ts"
import { postgres, type PostgresFault, postgresFaults } from "./Matrix.ts"
import { postgresProvocations } from "./PostgresFaults.ts"
import { runFault } from "./RunFault.ts"
import { makeTemplate, openStage, type Template } from "./Stage.ts"

let server: PostgresServer
let proxy: FaultProxy
let template: Template

beforeAll(async () => {
  // What was committed must be there after a kill.
  server = await startPostgres({ fsync: true })
  proxy = await startFaultProxy({ host: "127.0.0.1", port: server.port })
  template = await makeTemplate(server.url)
})

afterAll(async () => {
  await template.remove()
  await proxy.close()
  await server.stop()
})

/** Faults of the network need the proxy on the way; the others are the server's own. */
const throughProxy: ReadonlySet<PostgresFault> = new Set(["refused", "cut mid-statement"])

for (const fault of postgresFaults) {
  const row = postgres[fault]
  describeFault("PostgreSQL", fault, row, async () => {
    const provocation = postgresProvocations(server, proxy)[fault]
    const stage = await openStage(template, {
      ...(throughProxy.has(fault) ? { through: (url: string) => proxy.url(url) } : {}),
      env: provocation.passing ? { APPEND_TIMEOUT: "20 seconds" } : {}
    })
    return runFault(stage, row, provocation)
  })
}
