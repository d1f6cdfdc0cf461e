import { createServer } from "node:http"
import type { TestProject } from "vitest/node"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** Answers with the URL of the run's PostgreSQL. */
    readonly postgresDesk: string
  }
}

/** One PostgreSQL for all files of a test run. It is started when the first of them asks for it. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  let server: Promise<PostgresServer> | undefined
  const desk = createServer((_request, response) => {
    server ??= startPostgres({ fsync: false, settings: { max_connections: 200 } })
    server.then(
      ({ url }) => response.end(url),
      (cause: unknown) => response.writeHead(500).end(String(cause))
    )
  })
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve))
  const address = desk.address()
  if (address === null || typeof address === "string") throw new Error("The desk has no port")
  project.provide("postgresDesk", `http://127.0.0.1:${address.port}`)
  return async () => {
    desk.close()
    desk.closeAllConnections()
    await (await server)?.stop()
  }
}
