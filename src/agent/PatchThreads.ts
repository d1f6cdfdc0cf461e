import { Data, Effect } from "effect"
import { Worker } from "node:worker_threads"
import type { Comparison, Patch } from "./Patch.ts"

/** The thread that compares texts ended before it had answered, such as for want of memory. */
export class PatchThreadEnded extends Data.TaggedError("PatchThreadEnded")<{ readonly cause: unknown }> {}

/** Most memory of a thread, in mebibytes. */
const mostMemory = 512

/** Opens a thread that compares texts, one pair at a time; it ends with the scope, also in the middle of one. */
export const openPatchThread = Effect.gen(function* () {
  const thread = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Worker(new URL("PatchThread.ts", import.meta.url), {
          execArgv: [],
          env: {},
          resourceLimits: { maxOldGenerationSizeMb: mostMemory }
        })
    ),
    (worker) => Effect.promise(() => worker.terminate())
  )
  let ended: PatchThreadEnded | undefined
  let answer = (_: Effect.Effect<Patch, PatchThreadEnded>) => {}
  const end = (cause: unknown) => {
    ended ??= new PatchThreadEnded({ cause })
    answer(Effect.fail(ended))
  }
  thread.on("message", (patch: Patch) => answer(Effect.succeed(patch)))
  thread.on("error", end)
  thread.on("exit", (code) => end(new Error(`It ended with ${code}`)))
  return (comparison: Comparison): Effect.Effect<Patch, PatchThreadEnded> =>
    Effect.callback((resume) => {
      if (ended !== undefined) return resume(Effect.fail(ended))
      answer = resume
      thread.postMessage(comparison)
    })
})
