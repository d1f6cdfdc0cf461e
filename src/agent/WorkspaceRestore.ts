import { constants } from "node:fs"
import { chmod, lstat, mkdir, open, rename, rm, rmdir, symlink, unlink } from "node:fs/promises"
import { join } from "node:path"
import type { Manifest, WorkspaceChange, WorkspaceEntry } from "../domain/Checkpoint.ts"
import { changesSince } from "./WorkspaceChanges.ts"
import { listWorkspace, stagingPrefix } from "./WorkspaceFiles.ts"

type File = Extract<WorkspaceEntry, { readonly kind: "file" }>

/** A file's content as it was kept, part by part. */
export type Contents = (file: File) => AsyncIterable<Uint8Array>

/** Writes what is missing next to its place, so that a full disk is met before anything is changed. */
const stage = async (staging: string, files: ReadonlyArray<File>, contents: Contents) => {
  await mkdir(staging, { mode: 0o700 })
  for (const [index, entry] of files.entries()) {
    const file = await open(
      join(staging, String(index)),
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
      0o600
    )
    try {
      for await (const part of contents(entry)) await file.writeFile(part)
      await file.sync()
    } finally {
      await file.close()
    }
  }
}

const depth = ({ path }: { readonly path: string }) => path.split("/").length

const remove = async (root: string, { kind, path }: WorkspaceChange) => {
  const place = join(root, path)
  if (kind !== "directory") return unlink(place)
  // What is not of the workspace, such as git's records, keeps its directory.
  return rmdir(place).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOTEMPTY")) throw error
  })
}

/** A directory that was made read-only would not let anything be changed in it. */
const openUp = async (place: string) => {
  const { mode } = await lstat(place)
  if ((mode & 0o300) !== 0o300) await chmod(place, (mode & 0o7777) | 0o700)
}

/**
 * Brings a workspace back to what was kept. No link is followed: what stands where a directory was is
 * taken away before anything is written below it. `begun` is called when the first thing is changed.
 */
export const restoreWorkspace = async (
  root: string,
  manifest: Manifest,
  name: string,
  contents: Contents,
  begun: () => void
): Promise<ReadonlyArray<WorkspaceChange>> => {
  const changes = await changesSince(root, manifest)
  const changed = new Map(changes.map((change) => [change.path, change]))
  const wanted = manifest.filter(({ path }) => changed.has(path))
  const files = wanted.filter((entry) => entry.kind === "file")
  const staging = join(root, `${stagingPrefix}${name}`)
  try {
    await stage(staging, files, contents)
    begun()
    for (const { path } of (await listWorkspace(root)) ?? []) {
      const place = join(root, path)
      if ((await lstat(place)).isDirectory()) await openUp(place)
    }
    const kinds = new Map(manifest.map(({ kind, path }) => [path, kind]))
    // The deepest first; a kind that changed leaves its place too.
    const leaving = changes.filter(
      ({ change, kind, path }) => change === "added" || (change === "changed" && kinds.get(path) !== kind)
    )
    for (const change of leaving.toSorted((one, other) => depth(other) - depth(one))) await remove(root, change)
    for (const entry of wanted) {
      const place = join(root, entry.path)
      if (entry.kind === "directory") await mkdir(place, { recursive: true })
      if (entry.kind === "link") {
        await rm(place, { force: true })
        await symlink(entry.target, place)
      }
    }
    for (const [index, entry] of files.entries()) {
      const staged = join(staging, String(index))
      await chmod(staged, entry.mode)
      await rename(staged, join(root, entry.path))
    }
    // The innermost first: one that is read-only again lets nobody in.
    const directories = manifest.filter((entry) => entry.kind === "directory")
    for (const entry of directories.toSorted((one, other) => depth(other) - depth(one))) {
      await chmod(join(root, entry.path), entry.mode)
    }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  return changes
}
