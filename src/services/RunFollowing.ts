import { Effect, Option, Stream } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { SessionNotFound } from "../domain/errors/SessionErrors.ts"
import { type Run, type RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { RetentionRepository } from "../storage/RetentionRepository.ts"
import { SessionRepository } from "../storage/SessionRepository.ts"
import type { Frame } from "./Frame.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { resyncFrame } from "./Resync.ts"
import { RunLog } from "./RunLog.ts"
import type { FollowedRun, FollowedSession } from "./RunRequest.ts"
import { queuedFrame } from "./UnstoredFrames.ts"

/** Makes what puts readers on runs and sessions. */
export const makeRunFollowing = Effect.gen(function* () {
  const log = yield* RunLog
  const retention = yield* RetentionRepository
  const sessions = yield* SessionRepository

  /** What a reader is told first whose range is not whole any more. A beginner needs no deltas. */
  const resync = Effect.fnUntraced(function* (
    principal: Principal,
    session: SessionId,
    run: RunId | null,
    { after, last, start }: { readonly after: Sequence; readonly last: Sequence; readonly start: number }
  ) {
    const removal = yield* asRead(retention.removedAfter(principal.tenant_id, session, run, after))
    return Option.match(
      Option.filter(removal, ({ whole }) => whole || after > start),
      {
        onNone: (): Stream.Stream<Frame> => Stream.empty,
        onSome: (found) => Stream.make(resyncFrame(run, found, last))
      }
    )
  })

  /** A run's frames after a number, all of which are kept. */
  const follow = ({ tenant_id }: Principal, run: Run, after: Sequence): FollowedRun => {
    const frames = log.follow({ tenant_id, session_id: run.session_id, run_id: run.id }, after)
    return {
      run,
      after,
      frames: run.status === "queued" ? Stream.concat(Stream.make(queuedFrame(run, after)), frames) : frames
    }
  }

  const followRun = Effect.fn("RunFollowing.followRun")(function* (
    principal: Principal,
    run: Run,
    cursor: Sequence | null
  ): Effect.fn.Return<FollowedRun | null, ReadFailure> {
    const after = Sequence.make(Math.max(cursor ?? 0, run.start_seq))
    const followed = follow(principal, run, after)
    if (run.ended_at === null) return followed
    // One that never began has an end that is stored nowhere: it is for who comes without a cursor.
    const isSeen = after >= run.last_seq && (cursor !== null || run.last_seq > run.start_seq)
    if (isSeen) return null
    const range = { after, last: run.last_seq, start: run.start_seq }
    const first = yield* resync(principal, run.session_id, run.id, range)
    return { ...followed, frames: Stream.concat(first, followed.frames) }
  })

  const followSession = Effect.fn("RunFollowing.followSession")(function* (
    principal: Principal,
    id: SessionId,
    cursor: Sequence | null
  ): Effect.fn.Return<FollowedSession | null, SessionNotFound | ValidationFailed | ReadFailure> {
    const { tenant_id } = principal
    const reach = yield* asRead(sessions.reach(tenant_id, id))
    if (Option.isNone(reach)) return yield* new SessionNotFound({ session_id: id })
    const { last_seq, live } = reach.value
    const after = cursor ?? Sequence.make(0)
    if (after > last_seq) {
      return yield* new ValidationFailed({
        issues: [{ path: "after", message: `This session's last event is ${last_seq}` }]
      })
    }
    if (!live && after === last_seq) return null
    const first = yield* resync(principal, id, null, { after, last: last_seq, start: 0 })
    const frames = log.follow({ tenant_id, session_id: id, run_id: null }, after)
    return { session_id: id, after, frames: Stream.concat(first, frames) }
  })

  return { follow, followRun, followSession }
})
