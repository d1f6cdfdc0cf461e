import type { Manifest, WorkspaceChange, WorkspaceEntry, WorkspaceState } from "../domain/Checkpoint.ts"
import { type Found, isGone, listWorkspace, lookAt, namesOfParts } from "./WorkspaceFiles.ts"

const stateOf = (entry: WorkspaceEntry | Found): WorkspaceState => {
  if (entry.kind === "link") return { kind: "link", target: entry.target }
  if (entry.kind === "directory") return { kind: "directory", mode: entry.mode }
  return { kind: "file", mode: entry.mode, size: entry.size }
}

const removed = (kept: WorkspaceEntry): WorkspaceChange => ({
  path: kept.path,
  kind: kept.kind,
  change: "removed",
  before: stateOf(kept),
  now: null
})

const added = (now: Found): WorkspaceChange => ({
  path: now.path,
  kind: now.kind,
  change: "added",
  before: null,
  now: stateOf(now)
})

const changed = (kept: WorkspaceEntry, now: Found): WorkspaceChange => ({
  path: kept.path,
  kind: now.kind,
  change: "changed",
  before: stateOf(kept),
  now: stateOf(now)
})

/** Whether all is the same but for a file's content. */
const compare = (kept: WorkspaceEntry, now: Found): boolean => {
  if (kept.kind === "link") return now.kind === "link" && now.target === kept.target
  if (kept.kind !== now.kind || kept.mode !== now.mode) return false
  return kept.kind === "directory" || (now.kind === "file" && now.size === kept.size)
}

const isSame = async (root: string, kept: WorkspaceEntry, now: Found): Promise<boolean> => {
  const same = compare(kept, now)
  if (!same || kept.kind !== "file") return same
  const parts = await namesOfParts(root, kept.path)
  return parts.length === kept.parts.length && parts.every((name, index) => name === kept.parts[index])
}

/** What happened to a path that was kept; it is looked at once more when it was replaced in the meantime. */
const changeOf = async (
  root: string,
  kept: WorkspaceEntry,
  now: Found | undefined
): Promise<WorkspaceChange | undefined> => {
  if (now === undefined) return removed(kept)
  try {
    return (await isSame(root, kept, now)) ? undefined : changed(kept, now)
  } catch (error) {
    if (!isGone(error)) throw error
    return changeOf(root, kept, await lookAt(root, kept.path))
  }
}

/** What happened to a workspace, or to one path and what is below it, since it was kept; by path. */
export const changesSince = async (
  root: string,
  manifest: Manifest,
  within?: string
): Promise<ReadonlyArray<WorkspaceChange>> => {
  const isMeant = ({ path }: { readonly path: string }) =>
    within === undefined || path === within || path.startsWith(`${within}/`)
  const found = new Map((await listWorkspace(root))?.filter(isMeant).map((entry) => [entry.path, entry]))
  const changes: Array<WorkspaceChange> = []
  for (const kept of manifest.filter(isMeant)) {
    const change = await changeOf(root, kept, found.get(kept.path))
    found.delete(kept.path)
    if (change !== undefined) changes.push(change)
  }
  for (const now of found.values()) changes.push(added(now))
  return changes.toSorted((one, other) => (one.path < other.path ? -1 : 1))
}
