import { Context } from "effect"
import type { InstanceId } from "./Run.ts"

/** What an installation is set to, as far as more than one floor must know. Times are milliseconds. */
export interface InstanceSettings {
  readonly instanceId: InstanceId
  readonly version: string
  /** Model of runs whose request names none. */
  readonly defaultModel: string
  readonly workspaceRoots: ReadonlyArray<string>
  /** Names of environment variables that a request may set for the agent's tools. */
  readonly environmentAllowed: ReadonlyArray<string>
  /** Longest prompt in characters. */
  readonly maxPromptLength: number
  /** Most runs of this instance at once. */
  readonly maxRuns: number
  /** Most runs of one tenant at once on this instance. */
  readonly maxRunsPerTenant: number
  /** Most runs of one session, and of one tenant, that may wait for their turn. */
  readonly maxQueuedPerSession: number
  readonly maxQueuedPerTenant: number
  /** Most agents of this instance that start at once. */
  readonly maxStarts: number
  /** How long a request waits until its agent may start. */
  readonly startWait: number
  /** Bytes that must be free for another agent to start; 0: that is not looked at. */
  readonly memoryReserve: number
  /** Longest time from a run's start to its agent's `init`. */
  readonly startTimeout: number
  /** Longest run. */
  readonly runTimeout: number
  /** How long the log waits for the database in mid-run. */
  readonly appendTimeout: number
  /** How long a run goes on without a reader. */
  readonly disconnectGrace: number
  /** How long an agent's process is kept while it waits for an answer. */
  readonly approvalHold: number
  /** How long people have to answer what an agent asks, where the request does not say. */
  readonly approvalExpiry: number
  /** How long running turns may finish when the service stops. */
  readonly shutdownGrace: number
  /** Most bytes of a run's events that wait for the database. */
  readonly appendBufferBytes: number
  /** Most bytes that wait for one slow reader. */
  readonly readerBufferBytes: number
  readonly memory: {
    /** Most memories in a prompt, where the tenant does not say. */
    readonly recallLimit: number
    /** Most tokens of them, roughly. */
    readonly recallTokens: number
    /** Longest search before a run. */
    readonly recallTimeout: number
  }
  /** Most images of a request. */
  readonly maxImages: number
  /** Most bytes of a request's images together. */
  readonly maxImageBytes: number
  /** Most MCP servers of a tenant, and of a request. */
  readonly maxMcpServers: number
  /** How long a share holds whose maker does not say. */
  readonly shareLife: number
  /** Most files, links and directories of a workspace of which a checkpoint is kept. */
  readonly checkpointFiles: number
  /** Most bytes of such a workspace. */
  readonly checkpointBytes: number
  /** Most bytes of all checkpoints of a session. */
  readonly checkpointStoreBytes: number
  /** Whether the beginning of prompts may stand in the log. */
  readonly logPrompts: boolean
}

/** The installation's settings. */
export class Settings extends Context.Service<Settings, InstanceSettings>()("causeway/domain/Settings") {}
