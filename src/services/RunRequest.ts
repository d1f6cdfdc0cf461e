import type { Stream } from "effect"
import type {
  CapacityExceeded,
  Forbidden,
  IdempotencyMismatch,
  InstanceOverloaded,
  ShuttingDown,
  ValidationFailed
} from "../domain/errors/RequestErrors.ts"
import type {
  AgentNotFound,
  ProjectNotFound,
  SkillNotFound,
  ToolPresetNotFound
} from "../domain/errors/ResourceErrors.ts"
import type { SessionRewinding } from "../domain/errors/CheckpointErrors.ts"
import type { RunFailure } from "../domain/errors/RunFailure.ts"
import type {
  QueueFull,
  RunUnresponsive,
  SessionBusy,
  SessionCreateFailed,
  SessionNotFound
} from "../domain/errors/SessionErrors.ts"
import type { ReadFailure } from "./ReadFailure.ts"
import type { DbOperational, DbUnavailable, RedisUnavailable } from "../domain/errors/StorageErrors.ts"
import type { ProjectId } from "../domain/Project.ts"
import type { ImageFailure } from "../domain/errors/ImageErrors.ts"
import type { McpListFailed, McpServerNotFound, TooManyMcpServers } from "../domain/errors/McpErrors.ts"
import type { UrlRefused, UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import type { PromptImage } from "../domain/Image.ts"
import type { RequestedMcpServers } from "../domain/McpServer.ts"
import type { Run, Sequence } from "../domain/Run.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import type { OnBusy, OnCrash, OnDisconnect } from "../domain/RunSwitches.ts"
import type { SessionId, SessionMetadata, SessionMode } from "../domain/Session.ts"
import type { Frame } from "./Frame.ts"

/** Where a prompt goes. */
export type Destination =
  | {
      readonly _tag: "NewSession"
      readonly title: string | null
      readonly mode: SessionMode
      readonly tags: ReadonlyArray<string>
      readonly metadata: typeof SessionMetadata.Type
      readonly project_id: ProjectId | null
      readonly budget_usd: number | null
    }
  | { readonly _tag: "Session"; readonly id: SessionId }
  | { readonly _tag: "Fork"; readonly of: SessionId }

/** A request to run an agent. */
export interface RunRequest {
  readonly destination: Destination
  readonly prompt: string
  readonly options: RunOptions
  readonly images: ReadonlyArray<PromptImage>
  /** The MCP servers that it wants in place of those that are there; null when it says nothing of them. */
  readonly mcp_servers: RequestedMcpServers | null
  /** Key and SHA-256 of method, path and body; null when the client sent no Idempotency-Key. */
  readonly idempotency: { readonly key: string; readonly body_hash: string } | null
  /** Whether nobody waits for it to begin: what goes wrong is then in the run alone. */
  readonly background: boolean
  readonly on_disconnect: OnDisconnect
  readonly on_busy: OnBusy
  readonly on_crash: OnCrash
}

/** A run with a reader on it, from the first event that the reader has not seen. */
export interface FollowedRun {
  readonly run: Run
  /** The number before the first frame of `frames`. */
  readonly after: Sequence
  /** The run's frames as stored, then as they come, to `done`. It never fails; a slow reader goes on from the database. */
  readonly frames: Stream.Stream<Frame>
}

/** A session with a reader on it, over all its runs. */
export interface FollowedSession {
  readonly session_id: SessionId
  /** The number before the first frame of `frames`. */
  readonly after: Sequence
  /** Its frames as stored, then as they come, until none of its runs is live. It never fails. */
  readonly frames: Stream.Stream<Frame>
}

/** What a request can name or bring that is not there, not allowed, or no good. */
export type EquipmentFailure =
  | Forbidden
  | ValidationFailed
  | AgentNotFound
  | ProjectNotFound
  | SessionNotFound
  | SkillNotFound
  | ToolPresetNotFound
  | McpListFailed
  | McpServerNotFound
  | TooManyMcpServers
  | ImageFailure
  | UrlRefused
  | UrlUnreachable
  | ReadFailure

/** What stands between a request and a running agent. */
export type StartFailure =
  | ShuttingDown
  | CapacityExceeded
  | InstanceOverloaded
  | IdempotencyMismatch
  | Forbidden
  | ValidationFailed
  | EquipmentFailure
  | SessionNotFound
  | SessionBusy
  | SessionRewinding
  | QueueFull
  | RunUnresponsive
  | SessionCreateFailed
  | DbUnavailable
  | DbOperational
  | RedisUnavailable
  | RunFailure
