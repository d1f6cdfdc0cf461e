import { Context, Effect, Layer } from "effect"
import { TranscriptNotStored, TranscriptUnreadable } from "../domain/errors/AgentErrors.ts"
import { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { Lease } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { Transcript } from "../domain/Transcript.ts"
import { TranscriptRepository } from "../storage/TranscriptRepository.ts"

/** Gives agents their stored conversations. */
export class Transcripts extends Context.Service<
  Transcripts,
  {
    /** The conversation of a session, written under the lease of the run that works on it. */
    of(tenant: TenantId, session: SessionId, lease: Lease): Transcript
  }
>()("causeway/services/Transcripts") {
  static readonly layer = Layer.effect(
    Transcripts,
    Effect.gen(function* () {
      const repository = yield* TranscriptRepository
      return Transcripts.of({
        of: (tenant, session, lease) => ({
          append: (subpath, entries) =>
            repository.append(tenant, lease, subpath, entries).pipe(
              Effect.mapError((cause) => new TranscriptNotStored({ cause })),
              Effect.flatMap((held) =>
                held ? Effect.void : new TranscriptNotStored({ cause: new LeaseLost({ run_id: lease.run_id }) })
              )
            ),
          load: (subpath) =>
            Effect.mapError(repository.load(tenant, session, subpath), (cause) => new TranscriptUnreadable({ cause })),
          subpaths: Effect.mapError(
            repository.subpaths(tenant, session),
            (cause) => new TranscriptUnreadable({ cause })
          )
        })
      })
    })
  )
}
