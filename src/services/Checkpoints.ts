import { Context, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { changesSince } from "../agent/WorkspaceChanges.ts"
import { type Contents, restoreWorkspace } from "../agent/WorkspaceRestore.ts"
import { Workspaces } from "../agent/Workspaces.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { Checkpoint, type Restore, type WorkspaceChange, type WorkspaceDifference } from "../domain/Checkpoint.ts"
import {
  type CheckpointFailure,
  CheckpointNotFound,
  CheckpointUnusable,
  RewindFailed,
  SessionRewinding
} from "../domain/errors/CheckpointErrors.ts"
import { SessionBusy, SessionNotFound, SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import {
  type CheckpointPosition,
  CheckpointRepository,
  type StoredCheckpoint
} from "../storage/CheckpointRepository.ts"
import { type NewRewind, RewindRepository } from "../storage/RewindRepository.ts"
import { encodeData } from "./Frame.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { Sessions } from "./Sessions.ts"
import { makeWorkspaceDiff } from "./WorkspaceDiff.ts"
import { type Keeping, type KeptRun, makeWorkspaceKeeping } from "./WorkspaceKeeping.ts"

/** A page of a session's checkpoints, oldest first. */
export interface CheckpointPage {
  readonly checkpoints: ReadonlyArray<Checkpoint>
  readonly next: CheckpointPosition | null
}

/** What happened to a workspace: the first changes by path, and how many there are. */
export interface CheckpointDiff {
  readonly changes: ReadonlyArray<WorkspaceDifference>
  readonly total_changes: number
}

/** What is asked of a rewind. */
export interface RewindRequest {
  readonly checkpoint_id: RunId
  readonly restore: Restore
  /** Says what would be done, and does nothing. */
  readonly dry_run: boolean
}

/** How long a rewind may keep its session from running, in milliseconds: its instance may die over it. */
const rewindLife = 120_000

/** Parts that are read at once. */
const partsAtOnce = 4

/** Checkpoints: workspaces as they were at user messages, and the way back to them. */
export class Checkpoints extends Context.Service<
  Checkpoints,
  {
    /** Keeps the workspace of a run, before its agent is let at it; null when that was done before. */
    keep(run: KeptRun): Effect.Effect<Keeping | null, CheckpointFailure>
    list(
      principal: Principal,
      session: SessionId,
      position: CheckpointPosition | null,
      size: number
    ): Effect.Effect<CheckpointPage, SessionNotFound | ReadFailure>
    /** What happened to the workspace since, or to one path and what is below it. */
    diff(
      principal: Principal,
      session: SessionId,
      id: RunId,
      within: string | undefined
    ): Effect.Effect<
      CheckpointDiff,
      SessionNotFound | CheckpointNotFound | CheckpointUnusable | RewindFailed | ReadFailure
    >
    /** Takes a session back; answers with what was, or would be, undone in the workspace. */
    rewind(
      principal: Principal,
      session: SessionId,
      request: RewindRequest
    ): Effect.Effect<
      ReadonlyArray<WorkspaceChange>,
      | SessionNotFound
      | CheckpointNotFound
      | CheckpointUnusable
      | SessionBusy
      | SessionRewinding
      | RewindFailed
      | ReadFailure
      | DatabaseFailure
    >
  }
>()("causeway/services/Checkpoints") {
  static readonly layer = Layer.effect(
    Checkpoints,
    Effect.gen(function* () {
      const repository = yield* CheckpointRepository
      const rewinds = yield* RewindRepository
      const sessions = yield* Sessions
      const workspaces = yield* Workspaces
      const random = yield* SecureRandom.SecureRandom
      const { keep, readContent, readManifest } = yield* makeWorkspaceKeeping
      const showChanges = yield* makeWorkspaceDiff(readContent)
      const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())

      const find = Effect.fnUntraced(function* (principal: Principal, session: SessionId, id: RunId) {
        const own = yield* sessions.get(principal, session)
        const found = yield* asRead(repository.find(principal.tenant_id, session, id))
        if (Option.isNone(found)) return yield* new CheckpointNotFound({ checkpoint_id: id })
        return { session: own, checkpoint: found.value }
      })

      const failed =
        (session_id: SessionId, changed = false) =>
        (cause: unknown) =>
          new RewindFailed({ session_id, changed, cause })

      const manifestOf = Effect.fnUntraced(function* (
        tenant: TenantId,
        { id, manifest, session_id }: StoredCheckpoint
      ) {
        if (manifest === null) return yield* new CheckpointUnusable({ checkpoint_id: id, reason: "no_files" })
        return yield* readManifest(tenant, session_id, manifest).pipe(
          Effect.catchTag("SchemaError", (cause) => Effect.fail(failed(session_id)(cause))),
          Effect.catchTag("DbRefused", ({ cause }) => Effect.fail(new SessionRetrievalFailed({ cause })))
        )
      })

      /** Where a workspace is: an agent can put a link in its place, and nothing is read or written elsewhere. */
      const rootOf = ({ tenant_id }: Principal, { cwd, session_id }: StoredCheckpoint) =>
        workspaces.check(tenant_id, "cwd", cwd).pipe(Effect.mapError(failed(session_id)))

      const compare = Effect.fnUntraced(function* (
        principal: Principal,
        checkpoint: StoredCheckpoint,
        within?: string
      ) {
        const { session_id } = checkpoint
        const { tenant_id } = principal
        const manifest = yield* manifestOf(tenant_id, checkpoint)
        const root = yield* rootOf(principal, checkpoint)
        const changes = yield* Effect.tryPromise({
          try: () => changesSince(root, manifest, within),
          catch: failed(session_id)
        })
        return { tenant_id, session_id, root, manifest, changes }
      })

      const contentsOf = (tenant: TenantId, session: SessionId): Contents =>
        async function* ({ parts }) {
          for (let at = 0; at < parts.length; at += partsAtOnce) {
            const content = await runPromise(readContent(tenant, session, parts.slice(at, at + partsAtOnce)))
            if (content === undefined) throw new Error("A part is not as it was kept")
            yield content
          }
        }

      const restoreFiles = Effect.fnUntraced(function* (
        principal: Principal,
        checkpoint: StoredCheckpoint,
        name: string
      ) {
        const { tenant_id } = principal
        const { cwd, session_id } = checkpoint
        const manifest = yield* manifestOf(tenant_id, checkpoint)
        yield* workspaces.prepare(tenant_id, cwd).pipe(Effect.mapError(failed(session_id)))
        const root = yield* rootOf(principal, checkpoint)
        let begun = false
        return yield* Effect.tryPromise({
          try: () =>
            restoreWorkspace(root, manifest, name, contentsOf(tenant_id, session_id), () => {
              begun = true
            }),
          catch: (cause) => failed(session_id, begun)(cause)
        })
      })

      const event = ({ checkpoint_id, restore }: NewRewind): RunEvent => ({
        event: "checkpoint",
        data: { action: "rewound", checkpoint_id, restore, files: null, bytes: null }
      })

      const perform = Effect.fnUntraced(function* (
        principal: Principal,
        checkpoint: StoredCheckpoint,
        { checkpoint_id, restore }: RewindRequest
      ) {
        const { tenant_id } = principal
        const { session_id } = checkpoint
        const id = yield* random.uuidV7()
        const rewind: NewRewind = { id, tenant_id, session_id, checkpoint_id, restore }
        const begun = yield* rewinds.begin(rewind, rewindLife)
        if (begun._tag === "Absent") return yield* new SessionNotFound({ session_id })
        if (begun._tag === "Busy") return yield* new SessionBusy({ session_id: begun.session_id, run_id: begun.run_id })
        if (begun._tag === "Rewinding") return yield* new SessionRewinding({ session_id: begun.session_id })
        const undone = yield* (
          restore === "conversation" ? Effect.succeed([]) : restoreFiles(principal, checkpoint, id)
        ).pipe(Effect.onError(() => Effect.ignore(rewinds.abandon(rewind))))
        yield* sessions.touch(tenant_id, session_id)
        if (!(yield* rewinds.finish(rewind, encodeData(event(rewind))))) {
          return yield* failed(session_id, restore !== "conversation")(new Error("It took too long"))
        }
        return undone
      })

      return Checkpoints.of({
        keep,
        list: Effect.fn("Checkpoints.list")(function* (principal, session, position, size) {
          yield* sessions.get(principal, session)
          const found = yield* asRead(repository.list(principal.tenant_id, session, position, size + 1))
          const page = found.slice(0, size)
          const last = page.at(-1)
          return {
            checkpoints: page.map(
              ({ cwd: _cwd, manifest: _manifest, start_seq: _seq, ...checkpoint }) => new Checkpoint(checkpoint)
            ),
            next: found.length > size && last !== undefined ? { start_seq: last.start_seq, id: last.id } : null
          }
        }),
        diff: Effect.fn("Checkpoints.diff")(function* (principal, session, id, within) {
          const { checkpoint } = yield* find(principal, session, id)
          const workspace = yield* compare(principal, checkpoint, within)
          const changes = yield* showChanges(workspace).pipe(
            Effect.catchTag("PatchThreadEnded", ({ cause }) => Effect.fail(failed(session)(cause)))
          )
          return { changes, total_changes: workspace.changes.length }
        }),
        rewind: Effect.fn("Checkpoints.rewind")(function* (principal, id, request) {
          const { checkpoint, session } = yield* find(principal, id, request.checkpoint_id)
          const { checkpoint_id, dry_run, restore } = request
          if (restore !== "files") {
            if (!checkpoint.in_conversation) {
              return yield* new CheckpointUnusable({ checkpoint_id, reason: "not_in_conversation" })
            }
            if (session.parent_session_id !== null && checkpoint.start_seq === 0) {
              return yield* new CheckpointUnusable({ checkpoint_id, reason: "begins_fork" })
            }
          }
          if (restore !== "conversation" && checkpoint.manifest === null) {
            return yield* new CheckpointUnusable({ checkpoint_id, reason: "no_files" })
          }
          if (dry_run) return restore === "conversation" ? [] : (yield* compare(principal, checkpoint)).changes
          // What was begun is brought to its end, also when the client has left.
          return yield* Effect.uninterruptible(perform(principal, checkpoint, request))
        })
      })
    })
  )
}
