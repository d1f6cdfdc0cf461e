import type { Effect, Stream } from "effect"
import { Context } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type {
  AgentProcessFailure,
  ResultParseFailed,
  RunInterrupted,
  RunLost,
  RunTimedOut
} from "../domain/errors/AgentErrors.ts"
import type { ModelFailure } from "../domain/errors/ModelErrors.ts"
import type {
  CapacityExceeded,
  Forbidden,
  IdempotencyMismatch,
  ShuttingDown,
  ValidationFailed
} from "../domain/errors/RequestErrors.ts"
import type {
  RunNotFound,
  RunUnresponsive,
  SessionBusy,
  SessionCreateFailed,
  SessionIdle,
  SessionNotFound,
  SessionPersistFailed
} from "../domain/errors/SessionErrors.ts"
import type { DbOperational, DbUnavailable, RedisUnavailable } from "../domain/errors/StorageErrors.ts"
import type { Run, RunId, Sequence } from "../domain/Run.ts"
import type { ContentBlock, ResultData } from "../domain/RunEvent.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import type { SessionId, SessionMetadata, SessionMode } from "../domain/Session.ts"
import type { Frame } from "./Frame.ts"
import type { ReadFailure } from "./Sessions.ts"

/** Where a prompt goes. */
export type Destination =
  | {
      readonly _tag: "NewSession"
      readonly title: string | null
      readonly mode: SessionMode
      readonly tags: ReadonlyArray<string>
      readonly metadata: typeof SessionMetadata.Type
    }
  | { readonly _tag: "Session"; readonly id: SessionId }
  | { readonly _tag: "Fork"; readonly of: SessionId }

/** A request to run an agent. */
export interface RunRequest {
  readonly destination: Destination
  readonly prompt: string
  readonly options: RunOptions
  /** Key and SHA-256 of method, path and body; null when the client sent no Idempotency-Key. */
  readonly idempotency: { readonly key: string; readonly body_hash: string } | null
}

/** A run with a reader on it, from the first event that the reader has not seen. */
export interface FollowedRun {
  readonly run: Run
  /** The number before the first frame of `frames`. */
  readonly after: Sequence
  /** The run's frames as stored, then as they come, to `done`. It never fails; a reader that is too slow gets an end. */
  readonly frames: Stream.Stream<Frame>
}

/** The whole answer of a run that went well. */
export interface Answer {
  readonly model: string
  readonly content: ReadonlyArray<ContentBlock>
  readonly result: ResultData
}

/** What stands between a request and a running agent. */
export type StartFailure =
  | ShuttingDown
  | CapacityExceeded
  | IdempotencyMismatch
  | Forbidden
  | ValidationFailed
  | SessionNotFound
  | SessionBusy
  | SessionCreateFailed
  | SessionPersistFailed
  | DbUnavailable
  | DbOperational
  | RedisUnavailable
  | RunFailure

/** How a run that had begun can fail. */
export type RunFailure = AgentProcessFailure | ModelFailure | RunTimedOut | RunLost

/** Runs: started, followed, read and interrupted. */
export class Runs extends Context.Service<
  Runs,
  {
    /**
     * Starts a run and answers when its agent has said `init`. What goes wrong before that
     * fails here; what goes wrong after it is in the frames. The run belongs to the service:
     * it goes on while the caller is gone, for DISCONNECT_GRACE.
     */
    start(principal: Principal, request: RunRequest): Effect.Effect<FollowedRun, StartFailure>
    /** Starts a run and waits for its end. A run that did not complete is its failure. */
    answer(
      principal: Principal,
      request: RunRequest
    ): Effect.Effect<Answer, StartFailure | SessionPersistFailed | RunInterrupted | ResultParseFailed | ReadFailure>
    get(principal: Principal, id: RunId): Effect.Effect<Run, RunNotFound | ReadFailure>
    /** A run's frames after a sequence number; null when it is over and there are none. */
    follow(
      principal: Principal,
      id: RunId,
      after: Sequence | null
    ): Effect.Effect<FollowedRun | null, RunNotFound | ReadFailure>
    /** Interrupts a session's live run, wherever it is; answers when its owner has taken it. */
    interrupt(
      principal: Principal,
      id: SessionId
    ): Effect.Effect<RunId, SessionNotFound | SessionIdle | RunUnresponsive | ReadFailure>
  }
>()("causeway/services/Runs") {}
