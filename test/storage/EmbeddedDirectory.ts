import { PGlite } from "@electric-sql/pglite"
import { Effect, type Scope } from "effect"
import { cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")

// A new PGlite takes seconds of work, a copy of one a tenth of that. So one is made for all tests, and kept.
const template = async (): Promise<string> => {
  const manifest = await readFile(join(root, "node_modules/@electric-sql/pglite/package.json"), "utf8")
  const { version }: { version: string } = JSON.parse(manifest)
  const kept = join(root, ".cache", `pglite-${version}`)
  const exists = await readFile(join(kept, "PG_VERSION")).then(
    () => true,
    () => false
  )
  if (exists) return kept
  await mkdir(join(root, ".cache"), { recursive: true })
  const draft = await mkdtemp(`${kept}-`)
  await (await PGlite.create({ dataDir: draft })).close()
  // Another worker may have been faster.
  await rename(draft, kept).catch(() => rm(draft, { recursive: true }))
  return kept
}

/** A directory in which the embedded database was opened before and is still empty. */
export const embeddedDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = await mkdtemp(join(tmpdir(), "causeway-embedded-"))
    await cp(await template(), join(directory, "database"), { recursive: true })
    return directory
  }),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)
