import type { Effect } from "effect"
import { Context, Schema } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** Names one instruction to a run. */
export const RunControlId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("RunControlId"))
export type RunControlId = typeof RunControlId.Type

/** An instruction that waits for the run's owner. */
export interface RunControl {
  readonly id: RunControlId
  readonly run_id: RunId
  readonly kind: "interrupt"
}

/** Instructions to runs, wherever their owner is. */
export class RunControlRepository extends Context.Service<
  RunControlRepository,
  {
    request(tenant: TenantId, control: RunControl): Effect.Effect<void, DatabaseFailure>
    /** Instructions to these runs that nobody has acknowledged. */
    open(runs: ReadonlyArray<RunId>): Effect.Effect<ReadonlyArray<RunControl>, DatabaseFailure>
    acknowledge(id: RunControlId): Effect.Effect<void, DatabaseFailure>
    isAcknowledged(id: RunControlId): Effect.Effect<boolean, DatabaseFailure>
  }
>()("causeway/storage/RunControlRepository") {}
