import { Context, Effect, Layer } from "effect"
import { TranscriptNotStored, TranscriptUnreadable } from "../domain/errors/AgentErrors.ts"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Lease } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { StoredTranscript, Transcript } from "../domain/Transcript.ts"
import { RewindRepository } from "../storage/RewindRepository.ts"
import { TranscriptRepository } from "../storage/TranscriptRepository.ts"

const unreadable = <A>(read: Effect.Effect<A, DatabaseFailure>) =>
  Effect.mapError(read, (cause) => new TranscriptUnreadable({ cause }))

/** Gives agents their stored conversations. */
export class Transcripts extends Context.Service<
  Transcripts,
  {
    /** The conversation of a session, written under the lease of the run that works on it. */
    of(tenant: TenantId, session: SessionId, lease: Lease): Transcript
    /** The conversation that a fork begins with: its parent's, as it was when the fork was made. */
    before(tenant: TenantId, parent: SessionId, fork: SessionId): StoredTranscript
  }
>()("causeway/services/Transcripts") {
  static readonly layer = Layer.effect(
    Transcripts,
    Effect.gen(function* () {
      const repository = yield* TranscriptRepository
      const rewinds = yield* RewindRepository
      const stored = (tenant: TenantId, session: SessionId, fork?: SessionId): StoredTranscript => ({
        load: (subpath) => unreadable(repository.load(tenant, session, subpath, fork)),
        isTakenBack: fork === undefined ? unreadable(rewinds.isTakenBack(tenant, session)) : Effect.succeed(false),
        subpaths: unreadable(repository.subpaths(tenant, session, fork))
      })

      return Transcripts.of({
        before: stored,
        of: (tenant, session, lease) => ({
          ...stored(tenant, session),
          ofRun: unreadable(repository.loadLive(tenant, session)),
          append: (subpath, entries) =>
            repository.append(tenant, lease, subpath, entries).pipe(
              Effect.mapError((cause) => new TranscriptNotStored({ cause })),
              Effect.flatMap((held) =>
                held ? Effect.void : new TranscriptNotStored({ cause: new LeaseLost({ run_id: lease.run_id }) })
              )
            )
        })
      })
    })
  )
}
