import { accessSync, constants, statSync } from "node:fs"
import { delimiter, join } from "node:path"

/** Whether the path names a file this process may execute. */
export const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The first of the named commands found on PATH. */
export const findOnPath = (...names: ReadonlyArray<string>): string | undefined =>
  names
    .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, name)))
    .find(isExecutable)
