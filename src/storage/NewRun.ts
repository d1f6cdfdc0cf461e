import type { ApiKeyHash } from "../domain/ApiKey.ts"
import type { BudgetSpent } from "../domain/errors/BudgetErrors.ts"
import type { InstanceId, Lease, Run, RunId } from "../domain/Run.ts"
import type { ProjectId } from "../domain/Project.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import type { OnCrash, OnDisconnect } from "../domain/RunSwitches.ts"
import type { Session, SessionId, SessionMode } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** In which session a run takes place. */
export type RunPlace =
  /** A new one, under an id that nobody has. */
  | {
      readonly _tag: "New"
      readonly session_id: SessionId
      readonly mode: SessionMode
      readonly title: string | null
      readonly tags: ReadonlyArray<string>
      readonly metadata: Session["metadata"]
      readonly cwd: string
      readonly project_id: ProjectId | null
      readonly budget_usd: number | null
    }
  /** One that is there. */
  | { readonly _tag: "Existing"; readonly session_id: SessionId }
  /** A new one that begins where another one is now. */
  | { readonly _tag: "Fork"; readonly session_id: SessionId; readonly parent_session_id: SessionId }

/** Makes a repeated request find its first run. */
export interface Idempotency {
  readonly key: string
  /** SHA-256 of the method, path and body, in hexadecimal. */
  readonly body_hash: string
}

/** Most runs that may wait, so that a queue has an end. */
export interface QueueLimits {
  readonly session: number
  readonly tenant: number
}

/** Everything that is written before an agent is started. */
export interface NewRun {
  readonly tenant_id: TenantId
  readonly run_id: RunId
  readonly place: RunPlace
  readonly owner: InstanceId
  readonly lease_ms: number
  readonly model: string
  /** What the request asks of the agent, without what may be secret. */
  readonly options: Omit<RunOptions, "env" | "hooks">
  /** All that an instance must know to carry it, sealed. */
  readonly order: string
  readonly on_disconnect: OnDisconnect
  readonly on_crash: OnCrash
  /** Whether it may begin at once, on this instance. */
  readonly may_start: boolean
  /** How many may wait with it if it cannot begin; null: then it is refused. */
  readonly queue: QueueLimits | null
  readonly prompt_preview: string
  readonly api_key_hash: ApiKeyHash
  readonly request_id: string
  readonly idempotency: Idempotency | null
}

/** What became of a request to start a run. */
export type RunStart =
  | {
      readonly _tag: "Started"
      readonly lease: Lease
      readonly run: Run
      readonly session: Session
      /** The session's working directory as it was resolved when it was made. */
      readonly cwd: string
    }
  /** It waits for its turn. */
  | { readonly _tag: "Queued"; readonly run: Run }
  /** As many wait already as may. */
  | { readonly _tag: "QueueFull"; readonly session_id: SessionId; readonly limit: number }
  /** The Idempotency-Key was used before, for the same request. */
  | { readonly _tag: "Repeated"; readonly run: Run }
  /** It was used before, for another one. */
  | { readonly _tag: "Mismatch" }
  /** The session or its tenant has spent what it may. */
  | { readonly _tag: "BudgetSpent"; readonly failure: BudgetSpent }
  /** The session, or the one to fork from, does not exist for this tenant. */
  | { readonly _tag: "Absent"; readonly session_id: SessionId }
  /** The session is being taken back. */
  | { readonly _tag: "Rewinding"; readonly session_id: SessionId }
  /** The session has live runs: the one at work, or the first of those that wait, and then the others. */
  | { readonly _tag: "Busy"; readonly session_id: SessionId; readonly run_id: RunId }
