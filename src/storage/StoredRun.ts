import { Schema } from "effect"
import { InstanceId, Lease, Run } from "../domain/Run.ts"
import { OnCrash } from "../domain/RunSwitches.ts"
import { TenantId } from "../domain/Tenant.ts"

/** A run that an instance has just taken, with all that the database knows of it. */
export interface StoredRun {
  readonly lease: Lease
  readonly run: Run
  readonly tenant_id: TenantId
  /** The request that started it, and who sent it. */
  readonly request_id: string
  readonly api_key_hash: string
  readonly prompt_preview: string
  /** The session's working directory as it was resolved when it was made. */
  readonly cwd: string
  /** What it is to do, sealed; null where it is not there. */
  readonly order: string | null
  readonly on_crash: OnCrash
  /** How many instances it has lost. */
  readonly losses: number
}

/** A stored run as a row of `runs` joined with its session and its order. */
export const StoredRow = Schema.Struct({
  ...Run.fields,
  owner: InstanceId,
  fence: Lease.fields.fence,
  tenant_id: TenantId,
  request_id: Schema.String,
  api_key_hash: Schema.String,
  prompt_preview: Schema.String,
  cwd: Schema.String,
  sealed: Schema.NullOr(Schema.String),
  on_crash: Schema.NullOr(OnCrash),
  losses: Schema.NullOr(Schema.Int)
})

/** The run's own columns of that row. */
export const storedColumns = (table: string): string =>
  [...Object.keys(Run.fields), "owner", "fence", "tenant_id", "request_id", "api_key_hash", "prompt_preview"]
    .map((column) => `${table}.${column}`)
    .join(", ")

export const storedRun = ({
  api_key_hash,
  cwd,
  fence,
  losses,
  on_crash,
  owner,
  prompt_preview,
  request_id,
  sealed,
  tenant_id,
  ...run
}: typeof StoredRow.Type): StoredRun => ({
  lease: { run_id: run.id, session_id: run.session_id, owner, fence },
  run: new Run(run),
  tenant_id,
  request_id,
  api_key_hash,
  prompt_preview,
  cwd,
  order: sealed,
  on_crash: on_crash ?? "end",
  losses: losses ?? 0
})
