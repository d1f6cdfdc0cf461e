import { Effect, type Scope } from "effect"
import { AgentRuntime, type AgentTurn, type RunningAgent } from "../agent/AgentRuntime.ts"
import { Workspaces } from "../agent/Workspaces.ts"
import type { McpRelay } from "../outbound/McpRelay.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { throughRelay } from "./McpRelayed.ts"
import type { RunAssignment, WorkEnd } from "./RunAssignment.ts"
import type { Keeping } from "./WorkspaceKeeping.ts"

/** An agent that has been started, and what was kept of its workspace before. */
export interface LaunchedAgent {
  readonly agent: RunningAgent
  readonly kept: Keeping | null
}

/** Starts the agent of a run in its workspace, with what is remembered; fails with the run's end if it cannot begin. */
export const launchAgent = Effect.fn("AgentLaunch.launchAgent")(function* (
  { lease: { run_id, session_id }, promptIsLogged, recall }: RunAssignment,
  turn: AgentTurn
): Effect.fn.Return<LaunchedAgent, WorkEnd, AgentRuntime | Checkpoints | McpRelay | Scope.Scope | Workspaces> {
  const runtime = yield* AgentRuntime
  const workspaces = yield* Workspaces
  const checkpoints = yield* Checkpoints
  const { cwd, equipment, options, tenantId: tenant_id } = turn
  const keep = Effect.gen(function* () {
    yield* workspaces.prepare(tenant_id, cwd)
    // An earlier segment has kept it as it was at the prompt.
    if (options.enable_file_checkpointing !== true || promptIsLogged) return null
    return yield* checkpoints.keep({ tenant_id, session_id, run_id, cwd })
  })
  const launch = Effect.gen(function* () {
    const [{ additions }, kept] = yield* Effect.all([recall, keep], { concurrency: 2 })
    const mcpServers = yield* Effect.forEach(equipment.mcpServers, throughRelay)
    const agent = yield* runtime.start({
      ...turn,
      additions: [...turn.additions, ...additions],
      equipment: { ...equipment, mcpServers }
    })
    return { agent, kept }
  })
  return yield* Effect.mapError(launch, (failure): WorkEnd => ({
    _tag: "Ended",
    outcome: { _tag: "Failed", failure, result: null },
    transcriptComplete: true
  }))
})
