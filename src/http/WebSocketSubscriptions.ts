import { Cause, Effect, FiberMap, type Scope, Stream } from "effect"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { Internal, TooManySubscriptions } from "../domain/errors/RequestErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { FollowedRun, FollowedSession } from "../services/RunRequest.ts"
import { reportBug } from "./Failures.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { endText, errorText, eventText } from "./WebSocketFrames.ts"
import type { Wire } from "./WebSocketWire.ts"

/** Most runs and sessions that one connection follows at once. */
const mostSubscriptions = 16

/** What is followed. */
export type Subject = { readonly session_id: SessionId } | { readonly run_id: RunId }

const keyOf = (subject: Subject) => ("run_id" in subject ? `run:${subject.run_id}` : `session:${subject.session_id}`)

/** What a connection follows. */
export interface Subscriptions {
  /** Whether one more may be followed. */
  readonly admit: Effect.Effect<void, TooManySubscriptions>
  /** Sends the frames to the client; takes the place of a subscription to the same subject. */
  follow(followed: FollowedRun | FollowedSession): Effect.Effect<void>
  /** Ends following, if it goes on. */
  leave(subject: Subject): Effect.Effect<void>
  readonly size: Effect.Effect<number>
}

/** Makes the subscriptions of a connection; they end with the scope. */
export const makeSubscriptions = Effect.fnUntraced(function* (
  wire: Wire
): Effect.fn.Return<Subscriptions, never, Scope.Scope> {
  const fibers = yield* FiberMap.make<string>()

  const send = Effect.fnUntraced(function* ({ after, frames, ...subject }: FollowedRun | FollowedSession) {
    const session_id = "run" in subject ? subject.run.session_id : subject.session_id
    const run_id = "run" in subject ? subject.run.id : null
    let cursor = after
    yield* frames.pipe(
      Stream.runForEach((frame) => {
        if (frame.seq !== null) cursor = frame.seq
        return wire.send(eventText(session_id, frame))
      }),
      Effect.catchDefect(
        Effect.fnUntraced(function* (defect) {
          const record = yield* CurrentRecord
          yield* reportBug(Cause.die(defect), record)
          yield* wire.send(errorText(toErrorObject(new Internal(), record.requestId)))
        })
      )
    )
    yield* wire.send(endText({ session_id, run_id, after: cursor }))
  })

  return {
    admit: Effect.flatMap(FiberMap.size(fibers), (size) =>
      size < mostSubscriptions ? Effect.void : Effect.fail(new TooManySubscriptions({ limit: mostSubscriptions }))
    ),
    follow: (followed) => {
      const subject = "run" in followed ? { run_id: followed.run.id } : { session_id: followed.session_id }
      return Effect.asVoid(FiberMap.run(fibers, keyOf(subject), send(followed)))
    },
    leave: (subject) => FiberMap.remove(fibers, keyOf(subject)),
    size: FiberMap.size(fibers)
  }
})
