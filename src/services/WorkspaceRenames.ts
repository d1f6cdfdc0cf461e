import { Effect } from "effect"
import { namesOfParts } from "../agent/WorkspaceFiles.ts"
import type { WorkspaceChange, WorkspaceEntry } from "../domain/Checkpoint.ts"

type File = Extract<WorkspaceEntry, { readonly kind: "file" }>

/**
 * Which added files are removed ones with another name: those with the same content. From the new path to the old
 * one. At most `mostBytes` of added files are looked at.
 */
export const findRenames = Effect.fn("WorkspaceRenames.find")(function* (
  root: string,
  changes: ReadonlyArray<WorkspaceChange>,
  kept: ReadonlyMap<string, File>,
  mostBytes: number
) {
  const removed = new Map<string, Array<File>>()
  const sizes = new Set<number>()
  for (const { change, path } of changes) {
    const file = kept.get(path)
    if (change !== "removed" || file === undefined || file.size === 0) continue
    const content = file.parts.join()
    removed.set(content, [...(removed.get(content) ?? []), file])
    sizes.add(file.size)
  }
  const renames = new Map<string, File>()
  let bytes = 0
  for (const { change, now, path } of changes) {
    if (change !== "added" || now?.kind !== "file" || !sizes.has(now.size)) continue
    bytes += now.size
    if (bytes > mostBytes) break
    const parts = yield* Effect.option(Effect.tryPromise(() => namesOfParts(root, path)))
    const from = parts._tag === "Some" ? removed.get(parts.value.join())?.shift() : undefined
    if (from !== undefined) renames.set(path, from)
  }
  return renames
})
