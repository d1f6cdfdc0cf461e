import { isUtf8 } from "node:buffer"
import { formatPatch, structuredPatch, type StructuredPatch, type StructuredPatchHunk } from "diff"

/** What git writes down of a file's permissions, and how it tells that a file's text is where a link points. */
export type GitMode = "100644" | "100755" | "120000"

/** A text at a path, as it was or as it is. */
export interface Version {
  readonly mode: GitMode
  readonly text: string
}

/** Two versions of what stands at a path; null where there is none. */
export interface Comparison {
  readonly path: string
  readonly before: Version | null
  readonly now: Version | null
  /** Most added and removed lines that are looked for one by one, and how long in milliseconds. */
  readonly edits: number
  readonly milliseconds: number
}

/** How one version becomes the other, as `git diff` says it. */
export interface Patch {
  /** null when there is nothing that git would write down. */
  readonly text: string | null
  readonly additions: number
  readonly deletions: number
  /** One block from the first difference to the last, since there were too many to be told apart. */
  readonly coarse: boolean
}

/** Whether a content is text: UTF-8 without NUL. */
export const isText = (content: Uint8Array): boolean => isUtf8(content) && !content.includes(0)

/** What git writes down of a file's permissions. */
export const gitMode = (permissions: number): GitMode => ((permissions & 0o100) === 0 ? "100644" : "100755")

/** Lines around a change that are the same. */
const context = 3

const linesOf = (text: string): ReadonlyArray<string> => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

const marked = (mark: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.flatMap((line) =>
    line.endsWith("\n") ? [mark + line.slice(0, -1)] : [mark + line, "\\ No newline at end of file"]
  )

/** All from the first difference to the last as one block; exact when lines were only added or only removed. */
const block = (before: ReadonlyArray<string>, now: ReadonlyArray<string>) => {
  const shorter = Math.min(before.length, now.length)
  let first = 0
  while (first < shorter && before[first] === now[first]) first++
  let last = 0
  while (last < shorter - first && before.at(-1 - last) === now.at(-1 - last)) last++
  const removed = before.slice(first, before.length - last)
  const added = now.slice(first, now.length - last)
  const above = before.slice(Math.max(0, first - context), first)
  const below = before.slice(before.length - last).slice(0, context)
  const hunk: StructuredPatchHunk = {
    oldStart: first - above.length + 1,
    oldLines: above.length + removed.length + below.length,
    newStart: first - above.length + 1,
    newLines: above.length + added.length + below.length,
    lines: [...marked(" ", above), ...marked("-", removed), ...marked("+", added), ...marked(" ", below)]
  }
  return { hunks: [hunk], exact: removed.length === 0 || added.length === 0 }
}

const hunksOf = (before: string, now: string, edits: number, milliseconds: number) => {
  if (before === now) return { hunks: [], exact: true }
  const whole = block(linesOf(before), linesOf(now))
  if (whole.exact || milliseconds <= 0) return whole
  const limits = { context, maxEditLength: edits, timeout: milliseconds }
  const found = structuredPatch("", "", before, now, undefined, undefined, limits)
  return found === undefined ? whole : { hunks: found.hunks, exact: true }
}

const inGit = (
  from: string,
  path: string,
  before: GitMode | undefined,
  now: GitMode | undefined,
  hunks: Array<StructuredPatchHunk>
): string => {
  // As git does: a tab ends a name with spaces, which GNU patch would not know the end of.
  const end = `${from}${path}`.includes(" ") ? " " : undefined
  const patch: StructuredPatch = {
    oldFileName: before === undefined ? "/dev/null" : `a/${from}`,
    newFileName: now === undefined ? "/dev/null" : `b/${path}`,
    oldHeader: end,
    newHeader: end,
    hunks,
    isGit: true,
    isRename: from !== path,
    isCreate: before === undefined,
    isDelete: now === undefined
  }
  if (before !== now) Object.assign(patch, { oldMode: before, newMode: now })
  return formatPatch(patch)
}

const count = (hunks: ReadonlyArray<StructuredPatchHunk>, mark: string) =>
  hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.startsWith(mark)).length, 0)

/** The patch of a file that is elsewhere now, with the same content. */
export const renamePatch = (from: string, path: string, before: GitMode, now: GitMode): string =>
  inGit(from, path, before, now, [])

/** Compares two versions. Takes time: meant for a thread of its own. */
export const makePatch = (comparison: Comparison): Patch => {
  const { before, edits, milliseconds, now, path } = comparison
  // To git, a link in a file's place is one file less and another one more.
  if (before !== null && now !== null && (before.mode === "120000") !== (now.mode === "120000")) {
    const less = makePatch({ ...comparison, now: null })
    const more = makePatch({ ...comparison, before: null })
    const text = `${less.text ?? ""}${more.text ?? ""}`
    return { text, additions: more.additions, deletions: less.deletions, coarse: false }
  }
  const { exact, hunks } = hunksOf(before?.text ?? "", now?.text ?? "", edits, milliseconds)
  return {
    text: hunks.length === 0 && before?.mode === now?.mode ? null : inGit(path, path, before?.mode, now?.mode, hunks),
    additions: count(hunks, "+"),
    deletions: count(hunks, "-"),
    coarse: !exact
  }
}
