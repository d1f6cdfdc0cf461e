import { Effect } from "effect"
import type { AgentTurn, FirstBeginning } from "../agent/AgentRuntime.ts"
import type { SuspendedCall } from "../domain/Agent.ts"
import type { Lease } from "../domain/Run.ts"
import type { RunOrder } from "../domain/RunOrder.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { Transcripts } from "./Transcripts.ts"

/** Which part of a run's stream an execution writes: its beginning, or what follows after another instance let it go. */
export type Segment = "first" | "resumed"

/** A run that this instance holds, with what it is to do. */
export interface OrderedRun {
  readonly tenant_id: TenantId
  readonly lease: Lease
  /** The session's working directory as it was resolved when it was made. */
  readonly cwd: string
  readonly order: RunOrder
}

/** Makes what puts an order into an agent's words: the same from a request and from what was stored of one. */
export const makeAgentTurns = Effect.map(Transcripts, (transcripts) => {
  const beginningOf = ({ lease, order: { beginning }, tenant_id }: OrderedRun): FirstBeginning =>
    beginning._tag === "Fork"
      ? { ...beginning, transcript: transcripts.before(tenant_id, beginning.from, lease.session_id) }
      : beginning

  return (run: OrderedRun, segment: Segment, suspended: SuspendedCall | null): AgentTurn => {
    const { cwd, lease, order, tenant_id } = run
    const {
      additional_directories: _directories,
      agent: _agent,
      agents: _agents,
      skills: _skills,
      hooks: _hooks,
      tool_preset: _preset,
      cwd: _cwd,
      memory: _memory,
      model: _model,
      permission_mode = "default",
      ...options
    } = order.options
    return {
      tenantId: tenant_id,
      sessionId: lease.session_id,
      beginning: segment === "first" ? beginningOf(run) : { _tag: "Continue", first: beginningOf(run), suspended },
      transcript: transcripts.of(tenant_id, lease.session_id, lease),
      prompt: order.prompt,
      additions: [],
      equipment: order.equipment,
      hooks: [],
      model: order.model,
      permissionMode: permission_mode,
      sessionRules: [],
      options,
      cwd,
      additionalDirectories: order.additional_directories,
      mayBypassPermissions: order.scopes.includes("bypass_permissions")
    }
  }
})
