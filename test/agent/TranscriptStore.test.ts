import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { makeTranscriptStore } from "../../src/agent/TranscriptStore.ts"
import { TranscriptNotStored } from "../../src/domain/errors/AgentErrors.ts"
import { DbOperational, DbRefused, DbUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import type { TranscriptEntry } from "../../src/domain/Transcript.ts"

const entry = (uuid: string): TranscriptEntry => ({ type: "user", uuid })
const key = { projectKey: "p", sessionId: "s" }

/** A transcript whose database fails with something for as long as it is told to. */
const transcriptOf = (cause: () => unknown) => {
  const stored: Array<TranscriptEntry> = []
  let attempts = 0
  const append = (_: string, entries: ReadonlyArray<TranscriptEntry>) =>
    Effect.suspend(() => {
      attempts++
      const reason = cause()
      if (reason !== undefined) return new TranscriptNotStored({ cause: reason })
      stored.push(...entries)
      return Effect.void
    })
  return {
    stored,
    attempts: () => attempts,
    transcript: {
      append,
      ofRun: Effect.succeed([]),
      load: () => Effect.succeed([]),
      isTakenBack: Effect.succeed(false),
      subpaths: Effect.succeed([])
    }
  }
}

const away = new DbUnavailable({ operation: "append" })

/** Appends two entries and gives what `settle` comes to after a time of waiting. */
const settleAfter = Effect.fnUntraced(function* (cause: () => unknown, appendTimeout: number, millis: number) {
  const { attempts, stored, transcript } = transcriptOf(cause)
  const store = yield* makeTranscriptStore(transcript, appendTimeout)
  yield* Effect.promise(() => store.store.append(key, [entry("1")]))
  yield* Effect.promise(() => store.store.append(key, [entry("2")]))
  const settling = yield* Effect.forkChild(Effect.result(store.settle))
  yield* TestClock.adjust(millis)
  return {
    attempts: attempts(),
    stored,
    settled: settling.pollUnsafe() === undefined ? null : yield* Fiber.join(settling)
  }
})

it.effect("what a database that is away did not take is stored in order when it is back, within APPEND_TIMEOUT", () =>
  Effect.gen(function* () {
    let isAway = true
    yield* Effect.sleep(2900).pipe(Effect.andThen(Effect.sync(() => (isAway = false))), Effect.forkChild)
    const { settled, stored } = yield* settleAfter(() => (isAway ? away : undefined), 10_000, 3500)
    assert.isTrue(settled !== null && Result.isSuccess(settled))
    assert.deepStrictEqual(stored, [entry("1"), entry("2")])
  })
)

it.effect("a turn's outcome waits for that no longer than 5 seconds, nor longer than APPEND_TIMEOUT", () =>
  Effect.gen(function* () {
    for (const [appendTimeout, limit] of [
      [10_000, 5000],
      [2000, 2000]
    ] as const) {
      const failing = () => new DbOperational({ operation: "append" })
      assert.isNull((yield* settleAfter(failing, appendTimeout, limit - 50)).settled)
      const { attempts, settled } = yield* settleAfter(failing, appendTimeout, limit + 50)
      assert.isTrue(settled !== null && Result.isFailure(settled) && settled.failure.cause instanceof DbOperational)
      assert.isAtLeast(attempts, limit / 300)
    }
  })
)

it.effect("what the server refuses for its own reason is not tried again", () =>
  Effect.gen(function* () {
    const { settled } = yield* settleAfter(() => new DbRefused({ operation: "append" }), 10_000, 0)
    assert.isTrue(settled !== null && Result.isFailure(settled) && settled.failure.cause instanceof DbRefused)
  })
)
