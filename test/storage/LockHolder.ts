// Takes the lock named on the command line, says so, and keeps it until it is killed.
import { Effect } from "effect"
import { lockDirectory } from "../../src/storage/DirectoryLock.ts"

const [file = ""] = process.argv.slice(2)
await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      yield* lockDirectory(file)
      process.stdout.write("locked\n")
      yield* Effect.never
    })
  )
)
