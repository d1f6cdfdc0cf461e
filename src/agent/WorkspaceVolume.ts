import { Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** The file in a workspace root that says which volume it is. */
export const markerName = ".causeway-volume"

/** A workspace root cannot be read or written. */
export class WorkspaceRootUnusable extends Schema.TaggedError<WorkspaceRootUnusable>()("WorkspaceRootUnusable", {
  root: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `WORKSPACE_ROOTS: ${this.root} cannot be written.`
  }
}

const decodeMarker = Schema.decodeUnknownEffect(Schema.Trim.check(Schema.isUUID()))

/** The id of the volume at a root, which is given to it when it has none. Of several instances one gives it. */
export const identifyVolume = Effect.fn("WorkspaceVolume.identify")(function* (root: string) {
  const random = yield* SecureRandom.SecureRandom
  const fresh = yield* random.uuidV4()
  return yield* Effect.tryPromise(async () => {
    await mkdir(root, { recursive: true, mode: 0o700 })
    const marker = join(root, markerName)
    const draft = `${marker}-${fresh}`
    await writeFile(draft, `${fresh}\n`, { mode: 0o600 })
    // A link is made whole or not at all, and never over another.
    await link(draft, marker).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause
    })
    await rm(draft)
    return readFile(marker, "utf8")
  }).pipe(
    Effect.flatMap(decodeMarker),
    Effect.mapError((cause) => new WorkspaceRootUnusable({ root, cause }))
  )
})
