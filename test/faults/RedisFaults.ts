import type { FaultProxy } from "../launchers/FaultProxy.ts"
import type { RedisServer } from "../launchers/Redis.ts"
import type { RedisFault } from "./Matrix.ts"
import { untilHealth } from "./PostgresFaults.ts"
import type { Provocation } from "./RunFault.ts"
import type { Stage } from "./Stage.ts"

/** The faults that befall the server; a key with garbage in it is another matter. */
export type RedisOutage = Exclude<RedisFault, "garbage in a key">

/** On the way there, and once more on the way back: together a quarter of the limit of a command. */
const latencyMillis = 125

/** How a Redis is made to fail; its proxy stands between it and the service for those faults that are the network's. */
export const redisProvocations = (
  server: RedisServer,
  proxy: FaultProxy
): Readonly<Record<RedisOutage, Provocation>> => {
  /** PostgreSQL is well: what has been held back there goes on as soon as Redis fails. */
  const outage = (fail: () => Promise<void>, mend: () => Promise<void>): Provocation => ({
    inFlight: false,
    passing: false,
    provoke: async ({ outside }: Stage) => {
      await fail()
      await outside.release()
    },
    mend: async (stage: Stage) => {
      await mend()
      await untilHealth(stage, "redis", "ok")
    }
  })

  return {
    refused: outage(
      () => proxy.set({ kind: "refuse" }),
      () => proxy.set({ kind: "pass" })
    ),
    killed: outage(
      () => server.kill(),
      () => server.restart()
    ),
    frozen: outage(
      () => server.freeze(),
      () => server.thaw()
    ),
    restarted: {
      inFlight: false,
      passing: false,
      provoke: async (stage) => {
        await server.restart()
        await untilHealth(stage, "redis", "ok")
        await stage.outside.release()
      },
      mend: () => Promise.resolve()
    },
    slow: outage(
      () => proxy.set({ kind: "latency", ms: latencyMillis }),
      () => proxy.set({ kind: "pass" })
    )
  }
}
