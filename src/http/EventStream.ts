import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Cause, Effect, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import type { FollowedRun, FollowedSession } from "../services/RunRequest.ts"
import { reportBug } from "./Failures.ts"
import { OpenStreams, type Outlet } from "./OpenStreams.ts"
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

const keepAlive = ": keep-alive\n\n"

/** What is needed of an answer that is being written; those of HTTP/1.1 and HTTP/2 differ in the rest. */
interface Writable {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
  /** Bytes that the connection has not taken of those that were written. */
  readonly writableLength: number
  readonly socket: { readonly bytesWritten: number } | null
  write(chunk: string): boolean
  destroy(): unknown
}

const outletOf = (request: HttpServerRequest.HttpServerRequest): Outlet => {
  const answer: Writable = NodeHttpServerRequest.toServerResponse(request)
  return {
    isBehind: () => answer.writableNeedDrain,
    taken: () => (answer.socket?.bytesWritten ?? 0) - answer.writableLength,
    keepAlive: () => {
      if (answer.headersSent && !answer.writableEnded) answer.write(keepAlive)
    },
    destroy: () => answer.destroy()
  }
}

/** Answers with a run's or a session's events as server-sent events: the bytes of the log, as they are. */
export const makeEventStreams = Effect.map(OpenStreams, (streams) => ({
  /** Takes a place for one more stream of the caller's: before anything is begun that is to be read. */
  enter: Effect.flatMap(CurrentPrincipal, ({ tenant_id }) => streams.enter(tenant_id)),
  answer: Effect.fn(function* (followed: FollowedRun | FollowedSession) {
    const { after, frames } = followed
    const record = yield* CurrentRecord
    record.known.session_id = "run" in followed ? followed.run.session_id : followed.session_id
    if ("run" in followed) record.known.run_id = followed.run.id
    yield* streams.add(outletOf(yield* HttpServerRequest.HttpServerRequest))
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
}))
