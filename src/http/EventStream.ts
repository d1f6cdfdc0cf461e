import { Cause, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import type { FollowedRun, FollowedSession } from "../services/RunRequest.ts"
import { reportBug } from "./Failures.ts"
import { OpenStreams } from "./OpenStreams.ts"
import { CurrentRecord } from "./RequestRecord.ts"

const encoder = new TextEncoder()

const headers = {
  "cache-control": "no-cache, no-transform",
  // nginx would gather the events in its buffer.
  "x-accel-buffering": "no"
}

/** Milliseconds after which a browser comes back when the stream is cut. */
const retryDelay = 1000

/** The id alone sets the reader's cursor, so that a stream that is cut before its first event can be resumed too. */
const opening = (after: number): Uint8Array => encoder.encode(`retry: ${retryDelay}\nid: ${after}\n\n`)

/** Answers with a run's or a session's events as server-sent events: the bytes of the log, as they are. */
export const makeEventStreams = Effect.map(OpenStreams, (streams) =>
  Effect.fn(function* (followed: FollowedRun | FollowedSession) {
    const { after, frames } = followed
    const record = yield* CurrentRecord
    record.known.session_id = "run" in followed ? followed.run.session_id : followed.session_id
    if ("run" in followed) record.known.run_id = followed.run.id
    yield* streams.add
    const events = frames.pipe(
      Stream.map((frame) => frame.bytes),
      // The answer has begun: all that is left to do about a bug is to cut the stream, and the reader resumes.
      Stream.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : reportBug(cause, record)))
    )
    return HttpServerResponse.stream(Stream.concat(Stream.make(opening(after)), events), {
      contentType: "text/event-stream",
      headers
    })
  })
)
