import { Effect, Redacted, Schema } from "effect"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"

/** The file of a generated key can be neither read nor made. */
export class KeyFileUnusable extends Schema.TaggedError<KeyFileUnusable>()("KeyFileUnusable", {
  path: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The key file ${this.path} can be neither read nor written.`
  }
}

/** Reads a key that was generated earlier, or keeps the given one in a file that only its owner can read. */
export const readOrCreateKey = Effect.fn("KeyFile.readOrCreateKey")(function* (path: string, fresh: Redacted.Redacted) {
  return yield* Effect.tryPromise({
    try: async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      try {
        await writeFile(path, `${Redacted.value(fresh)}\n`, { flag: "wx", mode: 0o600 })
        return { key: fresh, created: true }
      } catch {
        return { key: Redacted.make((await readFile(path, "utf8")).trim()), created: false }
      }
    },
    catch: (cause) => new KeyFileUnusable({ path, cause })
  })
})
