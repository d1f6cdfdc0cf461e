import { Clock, Effect, type Scope, Semaphore } from "effect"
import { gitMode, isText, renamePatch, type Version } from "../agent/Patch.ts"
import { openPatchThread, type PatchThreadEnded } from "../agent/PatchThreads.ts"
import { readInside } from "../agent/WorkspaceFiles.ts"
import type {
  DiffLimits,
  Manifest,
  WorkspaceChange,
  WorkspaceDifference,
  WorkspaceEntry,
  WorkspaceState
} from "../domain/Checkpoint.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import type { makeWorkspaceKeeping } from "./WorkspaceKeeping.ts"
import { findRenames } from "./WorkspaceRenames.ts"

/** Up to where changes are shown. */
export const diffLimits: DiffLimits = {
  changes: 1000,
  file_bytes: 1024 * 1024,
  compared_bytes: 32 * 1024 * 1024,
  patch_bytes: 5 * 1024 * 1024,
  edits: 2000,
  milliseconds: 5000
}

/** Answers that are made at once: each has a thread. */
const atOnce = 2

/** A workspace, and what happened to it since it was kept. */
export interface ChangedWorkspace {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  /** Where it is, links resolved. */
  readonly root: string
  readonly manifest: Manifest
  readonly changes: ReadonlyArray<WorkspaceChange>
}

type File = Extract<WorkspaceEntry, { readonly kind: "file" }>
type Shown = Omit<WorkspaceDifference, keyof WorkspaceChange>

const blank: Shown = {
  renamed_from: null,
  renamed_to: null,
  content: null,
  additions: null,
  deletions: null,
  coarse: false,
  patch: null,
  patch_omitted: null
}

const isFile = (entry: WorkspaceEntry): entry is File => entry.kind === "file"

const omitted = (patch_omitted: Shown["patch_omitted"]): Shown => ({ ...blank, patch_omitted })

const nothing = Buffer.alloc(0)

/** Bytes of a version. To git, a link is a text, and a directory is nothing. */
const bytesOf = (state: WorkspaceState | null) =>
  state?.kind === "file" ? state.size : state?.kind === "link" ? Buffer.byteLength(state.target) : 0

/** Whether git knows it. */
const isComparable = (state: WorkspaceState | null) => state !== null && state.kind !== "directory"

const versionOf = (state: WorkspaceState | null, text: string): Version | null => {
  if (state === null || state.kind === "directory") return null
  return state.kind === "link" ? { mode: "120000", text: state.target } : { mode: gitMode(state.mode), text }
}

/** The lines of a file that has another name now: they are all the same. */
const showRename = (from: File, { now, path }: WorkspaceChange): Shown => {
  const mode = now?.kind === "file" ? now.mode : from.mode
  const patch = renamePatch(from.path, path, gitMode(from.mode), gitMode(mode))
  return { ...blank, renamed_from: from.path, additions: 0, deletions: 0, patch }
}

/** Makes what shows the first `diffLimits.changes` changes of a workspace line by line. */
export const makeWorkspaceDiff = Effect.fnUntraced(function* (
  readContent: Effect.Success<typeof makeWorkspaceKeeping>["readContent"]
) {
  const places = yield* Semaphore.make(atOnce)

  const show = Effect.fn("WorkspaceDiff.show")(function* (workspace: ChangedWorkspace) {
    const { changes, manifest, root, session_id, tenant_id } = workspace
    const files = new Map(manifest.filter(isFile).map((file) => [file.path, file]))
    const renames = yield* findRenames(root, changes, files, diffLimits.compared_bytes)
    const renamed = new Map([...renames].map(([path, from]) => [from.path, path]))
    const thread = yield* Effect.cached(openPatchThread)
    let { compared_bytes, milliseconds, patch_bytes } = diffLimits

    const read = Effect.fnUntraced(function* ({ before, now, path }: WorkspaceChange) {
      const was =
        before?.kind === "file"
          ? yield* asRead(readContent(tenant_id, session_id, files.get(path)?.parts ?? []))
          : nothing
      const is =
        now?.kind === "file"
          ? yield* Effect.tryPromise(() => readInside(root, path, diffLimits.file_bytes)).pipe(
              Effect.orElseSucceed(() => undefined)
            )
          : nothing
      return was === undefined || is === undefined ? undefined : { was, is }
    })

    const compare = Effect.fnUntraced(function* (path: string, before: Version | null, now: Version | null) {
      const makePatch = yield* thread
      const started = yield* Clock.currentTimeMillis
      const patch = yield* makePatch({ path, before, now, edits: diffLimits.edits, milliseconds })
      milliseconds -= (yield* Clock.currentTimeMillis) - started
      return patch
    })

    const showChange = Effect.fnUntraced(function* (
      change: WorkspaceChange
    ): Effect.fn.Return<WorkspaceDifference, ReadFailure | PatchThreadEnded, Scope.Scope> {
      const { before, now, path } = change
      const from = renames.get(path)
      if (from !== undefined) return { ...change, ...showRename(from, change) }
      const to = renamed.get(path)
      if (to !== undefined) return { ...change, ...blank, renamed_to: to, additions: 0, deletions: 0 }
      if (!isComparable(before) && !isComparable(now)) return { ...change, ...blank }

      const sizes = [bytesOf(before), bytesOf(now)]
      const bytes = sizes.reduce((sum, size) => sum + size)
      if (sizes.some((size) => size > diffLimits.file_bytes)) return { ...change, ...omitted("file_too_large") }
      if (bytes > compared_bytes) return { ...change, ...omitted("answer_full") }
      compared_bytes -= bytes
      const contents = yield* read(change)
      if (contents === undefined) return { ...change, ...omitted("unreadable") }

      const { is, was } = contents
      // What is shown is what was read, though it may have been changed after the workspace was looked at.
      const seen = now?.kind === "file" ? { ...change, now: { ...now, size: is.length } } : change
      const areFiles = before?.kind === "file" && now?.kind === "file"
      // Only permissions: what they are says the patch, also of a binary file.
      const isSame = areFiles && was.equals(is)
      const isBinary = !isText(was) || !isText(is)
      const content = before?.kind !== "file" && now?.kind !== "file" ? null : isBinary ? "binary" : "text"
      if (isBinary && !isSame) return { ...seen, ...omitted("binary"), content }
      const textOf = (bytes: Buffer) => (isSame ? "" : bytes.toString())
      const { text, ...counts } = yield* compare(path, versionOf(before, textOf(was)), versionOf(now, textOf(is)))
      const room = patch_bytes - Buffer.byteLength(text ?? "")
      if (room < 0) return { ...seen, ...omitted("answer_full"), content, ...counts }
      patch_bytes = room
      return { ...seen, ...blank, content, ...counts, patch: text }
    })

    return yield* Effect.forEach(changes.slice(0, diffLimits.changes), showChange)
  })

  return (workspace: ChangedWorkspace) => places.withPermits(1)(Effect.scoped(show(workspace)))
})
