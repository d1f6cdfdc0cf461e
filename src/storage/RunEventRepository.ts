import type { Effect } from "effect"
import { Context } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { InstanceId, Lease, RunId, Sequence } from "../domain/Run.ts"
import type { RunEventName } from "../domain/RunEvent.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** An event as it is stored and sent: its data is encoded once. */
export interface LogRecord {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId
  readonly seq: Sequence
  readonly event: RunEventName
  /** JSON in one line: the exact text of the frame's `data:`. */
  readonly data: string
}

/** Events of one run that are to be written together, under its lease. */
export interface LogBatch {
  readonly lease: Lease
  readonly records: ReadonlyArray<LogRecord>
}

/** The log in PostgreSQL. */
export class RunEventRepository extends Context.Service<
  RunEventRepository,
  {
    /**
     * Writes batches of any number of runs in one statement, with their lease rows locked.
     * Answers with the runs whose lease was held; of the others nothing was written.
     */
    append(owner: InstanceId, batches: ReadonlyArray<LogBatch>): Effect.Effect<ReadonlyArray<RunId>, DatabaseFailure>
    /** Events of a session after a sequence number, oldest first, at most `limit`; of one run only if it is named. */
    read(
      tenant: TenantId,
      session: SessionId,
      options: {
        readonly after: Sequence
        readonly limit: number
        readonly until?: Sequence
        readonly run?: RunId
        /** Only events of these names. */
        readonly events?: ReadonlyArray<RunEventName>
      }
    ): Effect.Effect<ReadonlyArray<LogRecord>, DatabaseFailure>
  }
>()("causeway/storage/RunEventRepository") {}
