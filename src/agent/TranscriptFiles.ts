import { Effect } from "effect"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { AgentStartFailed, TranscriptMissing } from "../domain/errors/AgentErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import type { StoredTranscript, TranscriptEntry } from "../domain/Transcript.ts"
import type { SuspendedSubagent } from "./AgentRuntime.ts"
import { asContinuing } from "./SuspendedSubagent.ts"
import { projectName } from "./TurnDirectory.ts"

const write = (path: string, text: string) =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeFile(path, text, { mode: 0o600 })
    },
    catch: (cause) => new AgentStartFailed({ reason: "directory", cause })
  })

const lines = (entries: ReadonlyArray<TranscriptEntry>) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("")

/** A subpath is a path inside the session's own directory, such as `subagents/agent-1`. */
const isInside = (subpath: string) =>
  /^[\w.-]+(\/[\w.-]+)*$/.test(subpath) && !subpath.split("/").some((part) => part === "." || part === "..")

/**
 * Writes a stored conversation where the CLI looks for it. The SDK would do this from
 * its session store, but into the machine's temporary directory, where a process that
 * is killed leaves it for good.
 *
 * Entries of type `cost-state` are left out: from them the CLI would go on counting
 * what earlier turns had cost, and a fork would pay for its parent once more. With a
 * subagent the CLI is shown the call that brings it back.
 */
export const writeTranscript = Effect.fn("TranscriptFiles.write")(function* (
  transcript: StoredTranscript,
  sessionId: SessionId,
  config: string,
  subagent: SuspendedSubagent | null = null
) {
  const project = join(config, "projects", projectName)
  const main = yield* transcript.load("")
  if (main.length === 0) return yield* new TranscriptMissing()
  const shown = main.filter((entry) => entry.type !== "cost-state")
  const continued = subagent === null ? shown : shown.map((entry) => asContinuing(entry, subagent))
  yield* write(join(project, `${sessionId}.jsonl`), lines(continued))
  for (const subpath of yield* transcript.subpaths) {
    if (!isInside(subpath)) {
      yield* Effect.logWarning("A part of a transcript has a name that is no path and is left out.")
      continue
    }
    const entries = yield* transcript.load(subpath)
    const described = entries.findLast((entry) => entry.type === "agent_metadata")
    yield* write(join(project, sessionId, `${subpath}.jsonl`), lines(entries.filter((entry) => entry !== described)))
    if (described !== undefined) {
      const { type: _type, ...description } = described
      yield* write(join(project, sessionId, `${subpath}.meta.json`), JSON.stringify(description))
    }
  }
})
