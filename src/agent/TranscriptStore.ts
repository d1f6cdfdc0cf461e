import type { SessionStore, SessionStoreEntry } from "@anthropic-ai/claude-agent-sdk"
import { Effect, Option, Schedule, Schema, Semaphore } from "effect"
import { ContentBlock } from "../domain/ContentBlock.ts"
import { TranscriptNotStored } from "../domain/errors/AgentErrors.ts"
import { DbOperational, DbUnavailable } from "../domain/errors/StorageErrors.ts"
import { TranscriptEntry, type Transcript } from "../domain/Transcript.ts"

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(TranscriptEntry))

/** What is kept for a transcript that cannot be stored just now; beyond it the rest of the turn is given up. */
const mostWaiting = 5000
const pauseMillis = 1000
/** Longest wait for the rest of a conversation when its turn is over: the outcome waits with it. */
const mostPatience = 5000
const retryPause = 250

/** A transcript on its way out of the SDK. */
export interface TranscriptStore {
  readonly store: SessionStore
  /** Whether the message that makes this tool call is stored. */
  hasCall(tool_use_id: string): boolean
  /** Waits until everything is stored; what a database that is away does not take is tried again for a while. */
  readonly settle: Effect.Effect<void, TranscriptNotStored>
}

interface Part {
  readonly subpath: string
  readonly entries: ReadonlyArray<TranscriptEntry>
}

const Call = Schema.Struct({
  type: Schema.Literal("assistant"),
  message: Schema.Struct({ content: Schema.Array(ContentBlock) })
})
const decodeCall = Schema.decodeUnknownOption(Call)

/** The tool calls that an entry makes. */
export const callsIn = (entry: TranscriptEntry): ReadonlyArray<unknown> =>
  Option.match(decodeCall(entry), {
    onNone: () => [],
    onSome: ({ message }) => message.content.filter(({ type }) => type === "tool_use").map((block) => block["id"])
  })

/** Whether the database may take later what it does not take now. */
const mayPass = ({ cause }: TranscriptNotStored): boolean =>
  cause instanceof DbUnavailable || cause instanceof DbOperational

/**
 * The SDK's session store over a transcript. The SDK would drop entries that could not
 * be stored and go on with the next, so that the conversation had a hole; this keeps
 * them and stores them, in order, once it can. `appendTimeout`, in milliseconds, is how
 * long a run waits for its database.
 */
export const makeTranscriptStore = Effect.fnUntraced(function* (transcript: Transcript, appendTimeout: number) {
  const waiting: Array<Part> = []
  const calls = new Set<unknown>()
  const oneAtATime = yield* Semaphore.make(1)
  const run = Effect.runPromiseWith(yield* Effect.context())
  let resumeAt = 0
  let lost: TranscriptNotStored | undefined
  let lastFailure: TranscriptNotStored | undefined

  const flush = oneAtATime.withPermits(1)(
    Effect.gen(function* () {
      for (let [part] = waiting; part !== undefined; part = waiting[0]) {
        yield* transcript
          .append(part.subpath, part.entries)
          .pipe(Effect.tapError((failure) => Effect.sync(() => (lastFailure = failure))))
        waiting.shift()
        for (const id of part.entries.flatMap(callsIn)) calls.add(id)
      }
    })
  )

  const append = Effect.fnUntraced(function* (subpath: string, received: ReadonlyArray<SessionStoreEntry>) {
    if (lost !== undefined) return
    const entries = yield* decodeEntries(received).pipe(Effect.mapError((cause) => new TranscriptNotStored({ cause })))
    waiting.push({ subpath, entries })
    if (performance.now() < resumeAt) {
      if (waiting.length > mostWaiting) lost = new TranscriptNotStored({})
      return
    }
    yield* flush.pipe(
      Effect.catch((failure) =>
        Effect.logWarning("A part of the transcript could not be stored yet.", failure).pipe(
          Effect.andThen(Effect.sync(() => (resumeAt = performance.now() + pauseMillis)))
        )
      )
    )
  })

  const settle = Effect.suspend(() => (lost === undefined ? flush : lost)).pipe(
    Effect.retry({ while: mayPass, schedule: Schedule.spaced(retryPause) }),
    Effect.timeoutOrElse({
      duration: Math.min(appendTimeout, mostPatience),
      orElse: () => Effect.fail(lastFailure ?? new TranscriptNotStored({}))
    })
  )

  return {
    hasCall: (id) => calls.has(id),
    settle,
    store: {
      append: ({ subpath }, entries) => run(append(subpath ?? "", entries)),
      // The stored conversation is already where the CLI looks for it.
      load: async () => null
    }
  } satisfies TranscriptStore
})
