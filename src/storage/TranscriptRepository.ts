import type { Effect } from "effect"
import { Context } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Lease } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { TranscriptEntry } from "../domain/Transcript.ts"

/** The agents' own records of conversations in PostgreSQL. */
export class TranscriptRepository extends Context.Service<
  TranscriptRepository,
  {
    /** Appends in order under the run's lease; an entry whose uuid is there stays as it was. False when the lease is lost. */
    append(
      tenant: TenantId,
      lease: Lease,
      subpath: string,
      entries: ReadonlyArray<TranscriptEntry>
    ): Effect.Effect<boolean, DatabaseFailure>
    /** All entries in order, empty when there are none. */
    load(
      tenant: TenantId,
      session: SessionId,
      subpath: string
    ): Effect.Effect<ReadonlyArray<TranscriptEntry>, DatabaseFailure>
    /** The subpaths with entries, without the main conversation's empty one. */
    subpaths(tenant: TenantId, session: SessionId): Effect.Effect<ReadonlyArray<string>, DatabaseFailure>
  }
>()("causeway/storage/TranscriptRepository") {}
