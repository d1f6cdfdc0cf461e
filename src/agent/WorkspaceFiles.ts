import { createHash } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { type FileHandle, lstat, open, readdir, readlink, realpath } from "node:fs/promises"
import { join } from "node:path"

/** Bytes of one part of a file. */
export const partBytes = 1024 * 1024

/** Where what is to be brought back waits; never a part of the workspace. */
export const stagingPrefix = ".causeway-rewind-"

/** Something that was found in a workspace, with what tells whether it is still the same. */
export type Found =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      readonly kind: "file"
      readonly path: string
      readonly mode: number
      readonly size: number
      /** Inode, size and times: a file in which they are the same was not changed. */
      readonly stamp: string
      /** When it was last changed, in milliseconds. */
      readonly changedAt: number
    }

/** A name that is not UTF-8 could not be written again as it was. */
export class UnreadableName extends Error {}

const permissions = (mode: number) => mode & 0o7777

const foundAt = async (root: string, path: string): Promise<Found | undefined> => {
  const place = join(root, path)
  const stats: Stats = await lstat(place)
  const mode = permissions(stats.mode)
  if (stats.isDirectory()) return { kind: "directory", path, mode }
  if (stats.isSymbolicLink()) return { kind: "link", path, target: await readlink(place) }
  if (!stats.isFile()) return undefined
  const { ctimeMs, ino, mtimeMs, size } = stats
  return {
    kind: "file",
    path,
    mode,
    size,
    stamp: `${ino}:${size}:${mtimeMs}:${ctimeMs}`,
    changedAt: Math.max(mtimeMs, ctimeMs)
  }
}

const goneCodes = new Set<unknown>(["ENOENT", "ENOTDIR", "ELOOP", "EINVAL"])

/** Whether what was there a moment ago is gone, or something else: an agent may be at work. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && goneCodes.has(error.code)

const unlessGone =
  <A>(instead: A) =>
  (error: unknown): A => {
    if (isGone(error)) return instead
    throw error
  }

/** What stands at a path of a workspace; undefined when that is nothing, or nothing that is kept. */
export const lookAt = (root: string, path: string): Promise<Found | undefined> =>
  foundAt(root, path).catch(unlessGone(undefined))

/** Git's own records and our own staging are left alone, wherever they are; so are sockets, pipes and devices. */
const isLeftAlone = (name: string) => name === ".git" || name.startsWith(stagingPrefix)

/** What is in a workspace, by path, without following links. Stops with undefined when there is more than `most`. */
export const listWorkspace = async (root: string, most = Infinity): Promise<ReadonlyArray<Found> | undefined> => {
  const found: Array<Found> = []
  const visit = async (directory: string): Promise<boolean> => {
    const names = await readdir(join(root, directory)).catch((error: unknown) => {
      if (directory === "") throw error
      return unlessGone<Array<string>>([])(error)
    })
    for (const name of names.toSorted()) {
      if (isLeftAlone(name)) continue
      if (name.includes("\ufffd")) throw new UnreadableName(name)
      const path = directory === "" ? name : `${directory}/${name}`
      const entry = await lookAt(root, path)
      if (entry === undefined) continue
      if (found.push(entry) > most) return false
      if (entry.kind === "directory" && !(await visit(path))) return false
    }
    return true
  }
  return (await visit("")) ? found : undefined
}

/** The name of a part by its content. */
export const partName = (part: Uint8Array): string => createHash("sha256").update(part).digest("hex")

// A pipe in a file's place would keep its opener waiting for a writer.
const openFile = (place: string) => open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)

async function* partsOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const part = Buffer.alloc(partBytes)
    let filled = 0
    while (filled < partBytes) {
      const { bytesRead } = await file.read(part, filled, partBytes - filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    if (filled > 0) yield part.subarray(0, filled)
    if (filled < partBytes) return
  }
}

/** A file's content, part by part. A link in its place is not followed. */
export async function* readParts(root: string, path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(join(root, path))
  try {
    yield* partsOf(file)
  } finally {
    await file.close()
  }
}

/**
 * A file's content, to be shown; undefined when it has more than `most` bytes. `root` is a real path: what is read
 * lies in it, also when a link was put in the place of a directory a moment ago.
 */
export const readInside = async (root: string, path: string, most: number): Promise<Buffer | undefined> => {
  const place = join(root, path)
  const file = await openFile(place)
  try {
    const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(place))
    if (opened !== place) throw new Error("The file is not where it was")
    const parts: Array<Uint8Array> = []
    let bytes = 0
    for await (const part of partsOf(file)) {
      bytes += part.length
      if (bytes > most) return undefined
      parts.push(part)
    }
    return Buffer.concat(parts)
  } finally {
    await file.close()
  }
}

/** The names of a file's parts. */
export const namesOfParts = async (root: string, path: string): Promise<ReadonlyArray<string>> => {
  const names: Array<string> = []
  for await (const part of readParts(root, path)) names.push(partName(part))
  return names
}
