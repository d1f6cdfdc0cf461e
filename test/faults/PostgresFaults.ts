import { until } from "../service/Polling.ts"
import { at } from "../service/Json.ts"
import type { FaultProxy } from "../launchers/FaultProxy.ts"
import type { PostgresServer } from "../launchers/Postgres.ts"
import type { PostgresFault } from "./Matrix.ts"
import { serviceRole } from "./Outside.ts"
import type { Provocation } from "./RunFault.ts"
import type { Stage } from "./Stage.ts"

/** What the operations are about. What a run is equipped with can still be read, so that they come to it. */
const refusedTables = [
  "tenants",
  "api_keys",
  "sessions",
  "runs",
  "run_events",
  "run_controls",
  "transcript_entries",
  "idempotency_keys"
]

/** Waits until the service says so of a part. */
export const untilHealth = ({ service }: Stage, part: "postgres" | "redis", status: "ok" | "error"): Promise<void> =>
  until(`${part} is ${status}`, async () => {
    const { body } = await service.request("GET", "/health", { key: null })
    return at(body, `dependencies.${part}.status`) === status
  })

const quiet = ({ outside }: Stage): Promise<void> =>
  until("no statement waits", async () => (await outside.waiting()) === 0, 20_000)

/** How a PostgreSQL is made to fail; its proxy stands between it and the service for those faults that are the network's. */
export const postgresProvocations = (
  server: PostgresServer,
  proxy: FaultProxy
): Readonly<Record<PostgresFault, Provocation>> => {
  const release = ({ outside }: Stage) => outside.release()
  /** Changes something that holds for new connections, and leaves the service no old one. */
  const changed = (command: (stage: Stage) => Promise<unknown>, health: "ok" | "error") => async (stage: Stage) => {
    await command(stage)
    await stage.outside.endConnections()
    await untilHealth(stage, "postgres", health)
  }
  const mended = (command: (stage: Stage) => Promise<unknown>) => async (stage: Stage) => {
    await release(stage)
    await changed(command, "ok")(stage)
  }
  const rights = (verb: string) => (stage: Stage) =>
    stage.outside.rows(`${verb} ${serviceRole}`.replace("ALL", `ALL ON ${refusedTables.join(", ")}`))

  return {
    refused: {
      inFlight: false,
      passing: false,
      provoke: changed(() => proxy.set({ kind: "refuse" }), "error"),
      mend: async (stage) => {
        await release(stage)
        await proxy.set({ kind: "pass" })
        await untilHealth(stage, "postgres", "ok")
      }
    },
    killed: {
      inFlight: true,
      passing: false,
      provoke: () => server.kill(),
      mend: async (stage) => {
        await server.restart()
        await release(stage)
        await untilHealth(stage, "postgres", "ok")
      }
    },
    frozen: {
      inFlight: true,
      passing: false,
      provoke: () => server.freeze(),
      // What it was asked before the freeze has outlived its time when it thaws, and is not done any more.
      mend: async (stage) => {
        await server.thaw()
        await quiet(stage)
        await release(stage)
        await untilHealth(stage, "postgres", "ok")
      }
    },
    restarted: {
      inFlight: true,
      passing: true,
      // The service's connections end first, as they would anyway, so that no lock is given back before.
      provoke: async ({ outside }) => {
        await outside.endConnections()
        await server.restart()
      },
      mend: release
    },
    "cut mid-statement": {
      inFlight: true,
      passing: true,
      provoke: async () => {
        await proxy.set({ kind: "reset" })
        await proxy.set({ kind: "pass" })
      },
      mend: release
    },
    "out of connections": {
      inFlight: false,
      passing: false,
      provoke: changed(({ outside }) => outside.command(`ALTER DATABASE ${outside.name} CONNECTION LIMIT 0`), "error"),
      mend: mended(({ outside }) => outside.command(`ALTER DATABASE ${outside.name} CONNECTION LIMIT -1`))
    },
    "read-only": {
      inFlight: false,
      passing: false,
      provoke: changed(
        ({ outside }) => outside.command(`ALTER DATABASE ${outside.name} SET default_transaction_read_only = on`),
        "ok"
      ),
      mend: mended(({ outside }) =>
        outside.command(`ALTER DATABASE ${outside.name} RESET default_transaction_read_only`)
      )
    },
    "revoked right": {
      inFlight: false,
      passing: false,
      provoke: changed(rights("REVOKE ALL FROM"), "ok"),
      mend: mended(rights("GRANT ALL TO"))
    }
  }
}
