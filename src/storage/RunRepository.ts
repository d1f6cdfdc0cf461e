import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { ApiKeyHash } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { FinalRunStatus, InstanceId, Lease, Run, RunError, RunId, Sequence, Usage } from "../domain/Run.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import type { Session, SessionId, SessionMode, SessionStatus } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { LogRecord } from "./RunEventRepository.ts"

/** In which session a run takes place. */
export type RunPlace =
  /** A new one. `absent` is how a client's own id is taken: only while nobody has it. */
  | {
      readonly _tag: "New"
      readonly session_id: SessionId
      readonly mode: SessionMode
      readonly title: string | null
      readonly tags: ReadonlyArray<string>
      readonly metadata: Session["metadata"]
      readonly cwd: string
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

/** Everything that is written before an agent is started. */
export interface NewRun {
  readonly tenant_id: TenantId
  readonly run_id: RunId
  readonly place: RunPlace
  readonly owner: InstanceId
  readonly lease_ms: number
  readonly model: string
  readonly options: RunOptions
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
  /** The Idempotency-Key was used before, for the same request. */
  | { readonly _tag: "Repeated"; readonly run: Run }
  /** It was used before, for another one. */
  | { readonly _tag: "Mismatch" }
  /** The session, or the one to fork from, does not exist for this tenant. */
  | { readonly _tag: "Absent"; readonly session_id: SessionId }
  /** The session has a live run. */
  | { readonly _tag: "Busy"; readonly session_id: SessionId; readonly run_id: RunId }

/** How a run ended. */
export interface RunEnd {
  readonly status: FinalRunStatus
  readonly session_status: SessionStatus
  readonly num_turns: number | null
  readonly total_cost_usd: number | null
  readonly cost_unknown: boolean
  readonly usage: Usage | null
  readonly error: RunError | null
}

/** A run whose lease has run out, as the sweeper sees it. */
export interface ExpiredRun {
  readonly lease: Lease
  readonly tenant_id: TenantId
  readonly last_seq: Sequence
}

/** Runs and their leases in PostgreSQL. Time is the database's own clock. */
export class RunRepository extends Context.Service<
  RunRepository,
  {
    /** One transaction: the session is there, the run is `running`, the owner holds its lease, the key is taken. */
    start(run: NewRun): Effect.Effect<RunStart, DatabaseFailure>
    find(tenant: TenantId, id: RunId): Effect.Effect<Option.Option<Run>, DatabaseFailure>
    /** The run that is live in a session, if any. */
    findLive(tenant: TenantId, session: SessionId): Effect.Effect<Option.Option<Run>, DatabaseFailure>
    /**
     * Renews all leases of an owner whose fence is unchanged, also those that ran out meanwhile.
     * Answers with those that it holds; the others are lost to it.
     */
    renew(
      owner: InstanceId,
      leases: ReadonlyArray<Lease>,
      lease_ms: number
    ): Effect.Effect<ReadonlyArray<RunId>, DatabaseFailure>
    /** Running runs of any owner whose lease has run out. */
    readonly expired: Effect.Effect<ReadonlyArray<ExpiredRun>, DatabaseFailure>
    /** Takes an expired run over with fence + 1; none if it was renewed or taken meanwhile. */
    takeOver(
      run: ExpiredRun,
      owner: InstanceId,
      lease_ms: number
    ): Effect.Effect<Option.Option<ExpiredRun>, DatabaseFailure>
    /**
     * Writes the last events and the end states of run and session in one statement.
     * False, and nothing written, when the lease is no longer held.
     */
    finish(lease: Lease, events: ReadonlyArray<LogRecord>, end: RunEnd): Effect.Effect<boolean, DatabaseFailure>
  }
>()("causeway/storage/RunRepository") {}
