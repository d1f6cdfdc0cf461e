import { Effect, Option, Schema } from "effect"
import { type Found, listWorkspace, partName, readParts } from "../agent/WorkspaceFiles.ts"
import { Manifest, type WorkspaceEntry } from "../domain/Checkpoint.ts"
import { CheckpointFailed, type CheckpointFailure, WorkspaceTooLarge } from "../domain/errors/CheckpointErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { CheckpointRepository, type Part } from "../storage/CheckpointRepository.ts"

/** The workspace of a run, before its agent is let at it. */
export interface KeptRun {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId
  readonly cwd: string
}

/** What was kept. */
export interface Keeping {
  readonly files: number
  readonly bytes: number
}

/** Bytes that are sent to the database at once. */
const batchBytes = 4 * 1024 * 1024

/** Files of which the parts are remembered, over all sessions. */
const mostRemembered = 100_000

/** A file that was changed so short a time ago may be changed again without its times telling. */
const settled = 2000

/** Paths that a checkpoint names as modified. */
const mostModified = 100

interface Known {
  readonly stamp: string
  readonly parts: ReadonlyArray<string>
}

const decodeManifest = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))

const unreadable = (cause: unknown) => new CheckpointFailed({ reason: "workspace", cause })
const unstored = (cause: DatabaseFailure) => new CheckpointFailed({ reason: "storage", cause })

const modifiedSince = (before: Manifest, now: Manifest): ReadonlyArray<string> => {
  const known = new Map(before.map((entry) => [entry.path, JSON.stringify(entry)]))
  const modified = now.filter((entry) => {
    const same = known.get(entry.path) === JSON.stringify(entry)
    known.delete(entry.path)
    return !same
  })
  return [...modified.map(({ path }) => path), ...known.keys()].toSorted()
}

const bytesOf = (parts: ReadonlyArray<Part>) => parts.reduce((sum, { data }) => sum + data.length, 0)

/** Makes what keeps workspaces, part by part, and finds again what was kept. */
export const makeWorkspaceKeeping = Effect.gen(function* () {
  const { checkpointBytes, checkpointFiles, checkpointStoreBytes } = yield* Settings
  const repository = yield* CheckpointRepository
  const remembered = new Map<SessionId, ReadonlyMap<string, Known>>()

  const remember = (session: SessionId, files: ReadonlyMap<string, Known>) => {
    remembered.delete(session)
    remembered.set(session, files)
    let sum = 0
    for (const [, { size }] of remembered) sum += size
    for (const [oldest, { size }] of remembered) {
      if (sum <= mostRemembered || oldest === session) break
      remembered.delete(oldest)
      sum -= size
    }
  }

  const list = Effect.fnUntraced(function* (cwd: string) {
    const found = yield* Effect.tryPromise({ try: () => listWorkspace(cwd, checkpointFiles), catch: unreadable })
    if (found === undefined) return yield* new WorkspaceTooLarge({ limit: "files", allowed: checkpointFiles })
    const bytes = found.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0)
    if (bytes > checkpointBytes) return yield* new WorkspaceTooLarge({ limit: "bytes", allowed: checkpointBytes })
    return { found, bytes }
  })

  /** The list of what was kept, from its parts. */
  const readManifest = Effect.fnUntraced(function* (
    tenant: TenantId,
    session: SessionId,
    names: ReadonlyArray<string>
  ) {
    const parts = yield* repository.readParts(tenant, session, names)
    const text = Buffer.concat(names.map((name) => parts.get(name) ?? Buffer.alloc(0))).toString()
    return yield* decodeManifest(text)
  })

  /** What has these parts; undefined when one of them is not as it was kept. */
  const readContent = Effect.fnUntraced(function* (tenant: TenantId, session: SessionId, names: ReadonlyArray<string>) {
    const found =
      names.length === 0 ? new Map<string, Uint8Array>() : yield* repository.readParts(tenant, session, names)
    const parts = names.flatMap((name) => {
      const data = found.get(name)
      return data !== undefined && partName(data) === name ? [data] : []
    })
    return parts.length === names.length ? Buffer.concat(parts) : undefined
  })

  const keep = Effect.fn("WorkspaceKeeping.keep")(function* (
    run: KeptRun
  ): Effect.fn.Return<Keeping | null, CheckpointFailure> {
    const { cwd, run_id, session_id, tenant_id } = run
    // A run that goes on after its instance died is kept as it was when it began.
    const known = yield* repository.find(tenant_id, session_id, run_id).pipe(Effect.mapError(unstored))
    if (Option.exists(known, ({ manifest }) => manifest !== null)) return null
    const before = yield* repository.storedBytes(tenant_id, session_id).pipe(Effect.mapError(unstored))
    const started = Date.now()
    const { bytes, found } = yield* list(cwd)
    const unchanged = remembered.get(session_id)

    let stored = 0
    let batch: Array<Part> = []
    const flush = Effect.gen(function* () {
      if (batch.length === 0) return
      const parts = batch
      batch = []
      stored += yield* repository.storeParts(tenant_id, session_id, parts).pipe(Effect.mapError(unstored))
      if (before + stored > checkpointStoreBytes) {
        return yield* new WorkspaceTooLarge({ limit: "stored_bytes", allowed: checkpointStoreBytes })
      }
    })
    const put = Effect.fnUntraced(function* (data: Uint8Array) {
      const name = partName(data)
      batch.push({ name, data })
      if (bytesOf(batch) >= batchBytes) yield* flush
      return name
    })

    const partsOf = Effect.fnUntraced(function* (file: Extract<Found, { kind: "file" }>) {
      const same = unchanged?.get(file.path)
      if (same?.stamp === file.stamp) return same.parts
      const names: Array<string> = []
      const parts = readParts(cwd, file.path)
      for (;;) {
        const next = yield* Effect.tryPromise({ try: () => parts.next(), catch: unreadable })
        if (next.done === true) return names
        names.push(yield* put(next.value))
      }
    })

    const manifest: Array<WorkspaceEntry> = []
    const files = new Map<string, Known>()
    for (const entry of found) {
      if (entry.kind !== "file") {
        manifest.push(entry)
        continue
      }
      const { changedAt, kind, mode, path, size, stamp } = entry
      const parts = yield* partsOf(entry)
      manifest.push({ kind, path, mode, size, parts })
      if (changedAt < started - settled) files.set(path, { stamp, parts })
    }
    const text = Buffer.from(JSON.stringify(manifest))
    const names: Array<string> = []
    for (let at = 0; at < text.length; at += batchBytes / 4) {
      names.push(yield* put(text.subarray(at, at + batchBytes / 4)))
    }
    yield* flush
    const last = yield* repository.latest(tenant_id, session_id).pipe(Effect.mapError(unstored))
    const modified = yield* Option.match(last, {
      onNone: () => Effect.succeed<ReadonlyArray<string>>([]),
      onSome: (parts) =>
        readManifest(tenant_id, session_id, parts).pipe(
          Effect.map((old) => modifiedSince(old, manifest)),
          Effect.mapError((cause) => new CheckpointFailed({ reason: "storage", cause }))
        )
    })
    const kept = {
      tenant_id,
      session_id,
      run_id,
      manifest: names,
      files: found.length,
      bytes,
      stored_bytes: stored,
      files_modified: modified.slice(0, mostModified)
    }
    yield* repository.save(kept).pipe(Effect.mapError(unstored))
    remember(session_id, files)
    return { files: found.length, bytes }
  })

  return { keep, readContent, readManifest }
})
