import { Effect } from "effect"
import type { RunningAgent } from "../agent/AgentRuntime.ts"
import type { Lease } from "../domain/Run.ts"
import { Leases } from "./Leases.ts"

/**
 * Keeps the lease of a run until the scope closes, and has its agent stand still while the lease cannot be renewed. It is
 * kept before there is an agent: one that takes long to start must not lose its run over it.
 */
export const holdRun = Effect.fnUntraced(function* (lease: Lease) {
  const leases = yield* Leases
  let agent: RunningAgent | null = null
  let isFrozen = false
  const lost = yield* leases.hold(lease, {
    freeze: Effect.suspend(() => {
      isFrozen = true
      return agent?.freeze ?? Effect.void
    }),
    thaw: Effect.suspend(() => {
      isFrozen = false
      return agent?.thaw ?? Effect.void
    })
  })
  return {
    /** Never succeeds; fails when the lease is lost. */
    lost,
    isFrozen: () => isFrozen,
    /** The agent that is to stand still from now on. */
    attach: (started: RunningAgent) => {
      agent = started
    }
  }
})
